"""What a storage says of the files in it."""

from typing import Any

IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".gif",
    ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif",
)  # fmt: skip

Listing = dict[str, dict[str, Any]]  # what fsspec states of each file, by path


def state_of(info: dict[str, Any]) -> tuple[int, str]:
    """Size in bytes and content key, which changes when the file does, from a listing."""
    size = int(info.get("size") or 0)
    version = next(
        (info[k] for k in ("ETag", "etag", "mtime", "LastModified", "last_modified") if k in info),
        "",
    )
    return size, f"{size}-{version}"


def is_remote(filesystem: Any) -> bool:
    """Whether a filesystem of fsspec is any but the local one."""
    protocol = filesystem.protocol
    return "file" not in ((protocol,) if isinstance(protocol, str) else protocol)
