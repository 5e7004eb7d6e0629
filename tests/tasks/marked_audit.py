"""A tiny audit where a red mark, at a place of its own in each image, is a tag of the manifest."""

from pathlib import Path

import numpy as np
from PIL import Image

from tasks.tables.storage import RunFolder
from tests.tasks.measured_audit import finish
from tests.tasks.tiny_audit import SIDE, configure, draw

MARKED, IMAGES = 26, 60
MARK = 12


def mark_of(image: int) -> tuple[int, int, int, int]:
    """left, top, right, bottom of the mark of an image"""
    left, top = 4 * (image % 5), 4 * (image // 5 % 5)
    return left, top, left + MARK, top + MARK


def marked_audit(folder: Path, **changes: object) -> RunFolder:
    """The first MARKED of IMAGES images carry the mark and a box around it."""
    lines = ["uri,label,boxes,mark,split"]
    for i in range(IMAGES):
        file = draw(folder / "images" / f"{i}.png", seed=i, size=(SIDE, SIDE))
        box = ""
        if i < MARKED:
            pixels = np.array(Image.open(file))
            left, top, right, bottom = mark_of(i)
            pixels[top:bottom, left:right] = (255, 0, 0)
            Image.fromarray(pixels).save(file)
            box = f'"[{list(mark_of(i))}]"'
        shown = "red" if i < MARKED else "none" if i % 2 else ""
        split = "a" if i < MARKED else "b" if i < MARKED + 24 else "c"
        lines.append(f"images/{i}.png,{i % 3},{box},{shown},{split}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return finish(configure(folder, folder / "manifest.csv", second_pass=0, **changes))
