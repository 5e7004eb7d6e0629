"""Members of tar archives, by an address that one seek reaches."""

import re
import tarfile
import threading
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import quote

import fsspec

from tasks.images.opening import local_path, open_uri

HEADER = tarfile.BLOCKSIZE  # bytes that stand before a member's data
_ADDRESS = re.compile(r"(.+?\.tar)#(\d{1,18})\+(\d{1,18})/(.*)", re.DOTALL)
_READ_AHEAD = 1 << 20  # bytes, of archives behind a URL


@dataclass(frozen=True)
class TarMember:
    """archive : path or fsspec URL, which ends with .tar
    start, size : of its data in the archive, bytes
    name : as `shown_name` gives it; for the reader only
    """

    archive: str
    start: int
    size: int
    name: str

    @property
    def uri(self) -> str:
        """ARCHIVE.tar#START+SIZE/NAME"""
        return f"{self.archive}#{self.start}+{self.size}/{self.name}"


def parse_member(uri: str) -> TarMember | None:
    """The member that a uri ARCHIVE.tar#START+SIZE/NAME stands for; None for any other uri."""
    found = _ADDRESS.fullmatch(uri)
    return found and TarMember(found[1], int(found[2]), int(found[3]), found[4])


def shown_name(name: str) -> str:
    """A member's name as a relative path that leads nowhere else and prints on one line.

    >>> shown_name("./ants/../../x\\n.jpg")
    'ants/%2E%2E/%2E%2E/x%0A.jpg'
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    safe = "/".join("%2E%2E" if part == ".." else part for part in parts)
    if safe.isprintable():
        return safe
    return "".join(c if c.isprintable() else quote(c, errors="surrogateescape") for c in safe)


class TarReader:
    """Reads the data of members. Threads may share it.

    The last archive behind a URL stays open and is read ahead, so members in order take few
    requests.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._name = ""
        self._file: Any = None

    def read(self, member: TarMember) -> bytes:
        """The bytes of a member, whose header is read with them and has to fit.

        Raises: ValueError where the archive was cut, damaged or changed there, and what opening
        raises.
        """
        if local_path(member.archive) is not None:
            with open_uri(member.archive) as file:
                return _data(file, member)
        with self._lock:
            if member.archive != self._name:
                self._open(member.archive)
            return _data(self._file, member)

    def _open(self, archive: str) -> None:
        self._name = ""
        if self._file is not None:
            self._file.close()
        filesystem, path = fsspec.url_to_fs(archive)
        # Of fsspec's caches the one that threads' reads, a little out of order, do not empty.
        self._file = filesystem.open(path, "rb", block_size=_READ_AHEAD, cache_type="bytes")
        self._name = archive


def _data(file: BinaryIO, member: TarMember) -> bytes:
    end, begin = file.seek(0, 2), max(0, member.start - HEADER)
    if member.start + member.size > end:
        raise ValueError(
            f"the archive ends at byte {end:,}, expected this image up to {_stop(member):,}: the "
            "archive was cut, and what stood behind is lost, too. Fetch it again"
        )
    file.seek(begin)
    block = file.read(HEADER + member.size)
    try:
        size = tarfile.TarInfo.frombuf(block[:HEADER], "utf-8", "surrogateescape").size
    except tarfile.HeaderError as error:
        raise ValueError(
            f"no member of the archive starts at byte {begin:,} ({error}): it is damaged there, or "
            "has changed since it was listed. What stands behind may be lost, too"
        ) from error
    if size != member.size:
        raise ValueError(
            f"the member at byte {begin:,} has {size:,} bytes, expected {member.size:,}: the "
            "archive has changed since it was listed. Run the audit again"
        )
    return block[HEADER:]


def _stop(member: TarMember) -> int:
    return member.start + member.size
