"""The folders and URLs that the uris of a manifest may lie in.

A manifest may come from elsewhere. What it names is read, stored in tables and drawn in the
report, so it names nothing but what the configuration allows.
"""

import os
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote

from tasks.errors import AuditError
from tasks.images.coco_masks import is_coco_mask
from tasks.images.parquet_rows import parse_row
from tasks.images.tar_members import parse_member
from tasks.index.listing import is_remote
from tasks.index.shard_pattern import fixed_part

# Links of an fsspec chain that read nothing but what stands behind them. A path that is given
# to a cache takes the place of what stands behind it, so caches have none.
_CACHES = ("simplecache", "filecache", "blockcache")
_ARCHIVES = ("zip", "tar")
_LOCAL = ("file", "local")

Place = tuple[str, str]


class Roots:
    """Holds uris to folders and URLs, by where they lead: behind symbolic links, '..', percent
    signs and fsspec's chains.

    given : folders and URLs

    Raises: AuditError for one that leads to no certain place.
    """

    def __init__(self, given: Iterable[str]) -> None:
        self.given = tuple(given)
        self._real: dict[str, str] = {}
        self._places = []
        for root in self.given:
            place = self._leads_to(root)
            if place is None:
                raise AuditError(
                    f"root {root!r} names no certain place; expected a folder, or a URL "
                    "without '..'"
                )
            self._places.append(place)

    def hold(self, uri: str) -> bool:
        """Whether the uri leads into one of the roots, however it is read."""
        member, row = parse_member(uri), parse_row(uri)
        read = {uri, uri.rsplit("#", 1)[0] if is_coco_mask(uri) else uri}
        read |= {member.archive} if member else set()
        read |= {row[0]} if row else set()
        return all(self._is_inside(self._leads_to(each)) for each in read)

    def refuse_outside(self, uris: Sequence[str | None], where: str, first: int = 0) -> None:
        """Raises: AuditError for the first that leads out of the roots.

        where : such as 'manifest m.csv, line', for the error; None among `uris` is passed by
        first : number of the first uri there
        """
        for number, uri in enumerate(uris, first):
            if uri is not None and not self.hold(uri):
                raise AuditError(
                    f"{where} {number}: {uri!r}{self._in_truth(uri)} lies outside of what may be "
                    f"read; expected it in {' or '.join(self.given)}. If it is to be read, give "
                    "--root FOLDER (or URL) once for each place that images and masks lie in"
                )

    def _in_truth(self, uri: str) -> str:
        """Where a local path leads, if that is another place than it says."""
        if "://" in uri or self._follow(uri) == uri:
            return ""
        return f", which is {self._follow(uri)!r},"

    def _is_inside(self, place: Place | None) -> bool:
        return place is not None and any(
            place[0] == protocol and (place[1] + "/").startswith(root.rstrip("/") + "/")
            for protocol, root in self._places
        )

    def _leads_to(self, uri: str) -> Place | None:
        """Protocol (with the host) and path; None where that is uncertain."""
        if "://" not in uri:
            return "", self._follow(os.path.join(os.getcwd(), uri))
        *wrappers, last = uri.split("::")
        if not all(map(_is_wrapper, wrappers)):
            return None
        protocol, found, rest = last.partition("://")
        if not found or protocol in _LOCAL:
            path = rest if found else last  # no percent sign is decoded in one, here or in fsspec
            return ("", self._follow(path)) if os.path.isabs(path) else None
        return _remote_place(protocol, rest)

    def _follow(self, path: str) -> str:
        """The path behind all links. Links of folders are followed once: datasets are large."""
        folder, name = os.path.split(path)
        if name in ("", ".", ".."):
            return os.path.realpath(path)
        if folder not in self._real:
            self._real[folder] = os.path.realpath(folder)
        whole = os.path.join(self._real[folder], name)
        return os.path.realpath(whole) if os.path.islink(whole) else whole


def roots_of(given: Sequence[str], images: str, filesystem: Any, path: str) -> Roots:
    """Those that are given, else the folder of images, or the one that the manifest or all that
    a pattern may stand for lies in.

    images : what is audited; filesystem, path : the same to fsspec

    Raises: AuditError, as `Roots`.
    """
    own = images if is_remote(filesystem) else path
    if filesystem.isdir(path):
        return Roots(given or (own,))
    return Roots(given or (os.path.dirname(own if filesystem.exists(path) else fixed_part(own)),))


def _is_wrapper(link: str) -> bool:
    name, _, path = link.partition("://")
    return name in _ARCHIVES or (name in _CACHES and not path)


def _remote_place(protocol: str, rest: str) -> Place | None:
    """Of a URL; None for one that a server may take for another path than it looks like."""
    if protocol in ("http", "https"):
        rest = rest.split("#")[0].split("?")[0]
    host, _, path = rest.partition("/")
    steps = [step for step in _decoded(path).split("/") if step not in ("", ".")]
    is_odd = "\\" in _decoded(rest) or any(ord(sign) < 32 for sign in _decoded(rest))
    if is_odd or ".." in [host, *(step.split(";")[0] for step in steps)]:
        return None
    return f"{protocol}://{host}", "/" + "/".join(steps)


def _decoded(path: str) -> str:
    """Without percent signs, however often they were put in."""
    while (once := unquote(path)) != path:
        path = once
    return path
