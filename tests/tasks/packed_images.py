"""Tar archives written member by member with Python's tarfile."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from tasks.images.decoding import ImageSource, UnreadableImage
from tasks.index.manifest import build_manifest
from tests.tasks.tiny_audit import draw

OUTPUTS = ["out 0", "out 1", "out 2"]


def pack(file: Path, members: Mapping[str, bytes], form: int = tarfile.PAX_FORMAT) -> Path:
    """Write an archive of these files, in their order."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w", format=form) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file


def pictures(folder: Path, count: int) -> list[bytes]:
    """Encoded images that differ from each other."""
    return [draw(folder / f"{i}.png", seed=i).read_bytes() for i in range(count)]


def rows(images: Path | str, **options: str) -> list[dict[str, object]]:
    """The manifest of images for a model with three outputs."""
    return build_manifest(str(images), OUTPUTS, options.get("classes"), None)[0].to_pylist()


def read_all(found: list[dict[str, object]]) -> list[bytes | str]:
    """The bytes of each row, or why they cannot be read."""
    source, contents = ImageSource(), []
    for row in found:
        try:
            contents.append(source.read(str(row["uri"])))
        except UnreadableImage as error:
            contents.append(str(error))
    return contents
