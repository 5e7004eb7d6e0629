"""The members of one tar archive that are images or speak of them."""

import posixpath
import tarfile
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import BinaryIO

from tasks.errors import AuditError
from tasks.images.tar_members import HEADER, TarMember, shown_name
from tasks.index.listing import IMAGE_SUFFIXES

_LARGEST_TEXT = 1 << 20  # bytes; a longer .json is no description of an image
_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


@dataclass
class TarListing:
    """images : in the order of the archive; the last stands for what is lost where it was cut
    masks : KEY.mask.png by KEY
    texts : content of KEY.cls and KEY.json by name
    """

    archive: str
    images: list[TarMember] = field(default_factory=list)
    masks: dict[str, TarMember] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)


def list_members(file: BinaryIO, archive: str) -> TarListing:
    """Read the headers of an archive, one after the other, and what is short.

    file : open at its start
    archive : its path or URL, for the addresses

    Raises: AuditError for a compressed archive, for what is none, and for a name that stands in it
    twice.
    """
    first = file.read(HEADER)
    for magic, name in _COMPRESSED.items():
        if first.startswith(magic):
            raise AuditError(
                f"{archive} is compressed with {name}, and no image in it can be reached without "
                "all before it; expected a plain .tar. Decompress it"
            )
    file.seek(0)
    listing, names = TarListing(archive), dict[str, TarMember]()
    try:
        tar = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115
    except tarfile.ReadError as error:
        raise AuditError(f"{archive} is no tar archive: {error}") from error
    broken = False
    try:
        while (info := tar.next()) is not None:
            tar.members.clear()  # type: ignore[attr-defined]  # a million would not fit
            if info.size < 0 or tar.offset <= info.offset:
                raise tarfile.ReadError("a member of negative size")  # and a loop without an end
            _take(info, file, listing, names)
    except tarfile.ReadError:
        broken = True
    _note_loss(file, tar.offset, broken, listing)
    return listing


def _take(
    info: tarfile.TarInfo, file: BinaryIO, listing: TarListing, names: dict[str, TarMember]
) -> None:
    name = shown_name(info.name)
    path = PurePosixPath(name)
    if any(part.startswith(".") for part in path.parts) or not _holds_data(info):
        return
    if path.suffix.lower() in IMAGE_SUFFIXES:
        if name in names:
            raise AuditError(
                f"{listing.archive} holds {name} twice; expected each name once, as it is not "
                "known which is meant. Pack the archive again"
            )
        names[name] = member = _member(info, name, listing.archive, names)
        if name.endswith(".mask.png"):
            listing.masks[name.removesuffix(".mask.png")] = member
        else:
            listing.images.append(member)
    elif path.suffix in (".cls", ".json") and info.size <= _LARGEST_TEXT:
        file.seek(info.offset_data)
        content = file.read(info.size)
        if name in listing.texts:
            raise AuditError(f"{listing.archive} holds {name} twice; expected each name once")
        if len(content) == info.size:  # half of a number is another number
            listing.texts[name] = content


def _holds_data(info: tarfile.TarInfo) -> bool:
    return info.isfile() or info.islnk() or info.issym()


def _member(
    info: tarfile.TarInfo, name: str, archive: str, names: dict[str, TarMember]
) -> TarMember:
    """A link is read where it leads to, if that stands before it; else reading it will fail."""
    start, size = info.offset_data, info.size
    if info.islnk() or info.issym():
        base = posixpath.dirname(name) if info.issym() else ""
        target = names.get(shown_name(posixpath.normpath(posixpath.join(base, info.linkname))))
        start, size = (target.start, target.size) if target else (start, 0)
    return TarMember(archive, start, size, name)


def _note_loss(file: BinaryIO, offset: int, broken: bool, listing: TarListing) -> None:
    """Let what is lost be a row that cannot be read, unless the last image tells of it itself.

    offset : where the next header, or the mark of the end, was expected
    """
    end = file.seek(0, 2)
    file.seek(min(offset, end))
    if not broken and file.read(HEADER) == bytes(HEADER):
        return
    last = listing.images[-1] if listing.images else None
    if last is None or last.start + last.size <= end:
        listing.images.append(TarMember(listing.archive, offset + HEADER, 0, "(lost)"))
