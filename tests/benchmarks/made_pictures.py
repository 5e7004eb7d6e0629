"""Pictures that take no disk: they are made when they are read.

Each shows its class's texture somewhere on a ground of its own, all from the row's number, so that
no two are alike and a tiny network tells most classes apart. They stand behind a file system of
fsspec, and go through the product's own reading, decoding and preprocessing.
"""

import sys
from functools import cache
from hashlib import shake_128
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import fsspec
import numpy as np
import numpy.typing as npt
from fsspec import AbstractFileSystem

PROTOCOL = "made"
ROOT = f"{PROTOCOL}://pictures"
SIDE, COARSE, OBJECT = 32, 8, 4  # pixels; blots a side, of the picture and of the object in it
GROUND, NOISE = 0.4, 0.35  # blots of the ground, and noise on the object, whose own are 1
IMAGE_SEED = 2
_CLASS_SEED = 1
_DEVIATION = 73.9  # of an even byte
_PACKAGE = "made_pictures-1.dist-info"

Bytes = npt.NDArray[np.uint8]


@cache
def _textures(classes: int) -> npt.NDArray[np.float32]:
    random = np.random.default_rng(_CLASS_SEED)
    return random.normal(size=(classes, OBJECT, OBJECT, 3)).astype(np.float32)


def picture(row: int, class_idx: int, classes: int, seed: int = IMAGE_SEED) -> Bytes:
    """RGB, uint8, shape (SIDE, SIDE, 3)."""
    drawn = shake_128(b"%d %d" % (seed, row)).digest(2 + 3 * COARSE**2)
    top, left = (byte % (COARSE - OBJECT + 1) for byte in drawn[:2])
    noise = np.frombuffer(drawn, np.uint8, offset=2).reshape(COARSE, COARSE, 3)
    coarse = (noise.astype(np.float32) - 127.5) * (GROUND / _DEVIATION)
    own = coarse[top : top + OBJECT, left : left + OBJECT]
    own *= NOISE / GROUND
    own += _textures(classes)[class_idx]
    smooth = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    pixels: Bytes = cv2.convertScaleAbs(smooth, alpha=40, beta=128)  # few are below 0
    return pixels


class MadeFileSystem(AbstractFileSystem):
    """made://pictures/CLASSES/CLASS/ROW.ppm: the picture of a row."""

    protocol = PROTOCOL

    def _open(self, path: str, mode: str = "rb", **_: Any) -> BytesIO:
        return BytesIO(self.cat_file(path))

    def cat_file(self, path: str, *_: Any, **__: Any) -> bytes:
        _, classes, class_idx, name = self._strip_protocol(path).split("/")
        pixels = picture(int(name.removesuffix(".ppm")), int(class_idx), int(classes))
        return b"P6 %d %d 255\n" % (SIDE, SIDE) + pixels.tobytes()


def register(folder: Path) -> None:
    """Let this process read made:// uris, and by an entry point, as a package would have one, the
    processes that it starts.

    folder : for what says so
    """
    fsspec.register_implementation(PROTOCOL, MadeFileSystem, clobber=True)
    package = folder / _PACKAGE
    package.mkdir(parents=True, exist_ok=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: made-pictures\nVersion: 1\n")
    (package / "entry_points.txt").write_text(
        f"[fsspec.specs]\n{PROTOCOL} = {__name__}:{MadeFileSystem.__name__}\n"
    )
    sys.path.append(str(folder))
