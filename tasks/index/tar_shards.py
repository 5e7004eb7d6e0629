"""Images in tar archives, as WebDataset or `tar` writes them, listed without unpacking."""

import posixpath
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd

from tasks.errors import AuditError
from tasks.given_json import parse_json
from tasks.index.listed_rows import ListedRows, list_rows
from tasks.index.listing import Listing, is_remote, state_of
from tasks.index.tar_listing import TarListing, list_members

_AT_ONCE = 8  # archives behind URLs that are listed at a time
_READ_AHEAD = 4 << 20  # bytes
_COLUMNS = ("uri", "stated", "folder", "mask_uri", "tags", "size", "content_key")


def tar_rows(filesystem: Any, archives: Listing) -> ListedRows:
    """One row per image: uri, label, mask_uri, tags, size, content_key.

    Members whose names are equal up to the first dot belong together: KEY.cls is the label of
    KEY.jpg, KEY.json an object with the label (if there is no KEY.cls) and tags, KEY.mask.png the
    object's mask. Where no image of any archive has a label in this way, the first folder in its
    name is the label, as in a folder of images.

    archives : what `filesystem`, of fsspec, states of each

    Raises: AuditError for what is no plain tar archive and for labels that cannot be read.
    """

    def rows_of(path: str) -> pd.DataFrame:
        remote = is_remote(filesystem)
        options = {"block_size": _READ_AHEAD} if remote else {}
        with filesystem.open(path, "rb", **options) as file:
            listing = list_members(file, filesystem.unstrip_protocol(path) if remote else path)
        found = _rows(listing, state_of(archives[path])[1])
        return pd.DataFrame(list(found), columns=list(_COLUMNS), dtype=object)

    with ThreadPoolExecutor(_AT_ONCE if is_remote(filesystem) else 1) as pool:
        rows = pd.concat(list(pool.map(rows_of, archives)), ignore_index=True)
    rows = rows.where(rows.notna(), None)
    is_stated = bool(rows["stated"].notna().any())
    rows["label"] = rows["stated" if is_stated else "folder"]
    return list_rows([rows], next(iter(archives)) if is_stated else None)


def _rows(listing: TarListing, content_key: str) -> Iterable[dict[str, Any]]:
    for member in listing.images:
        key = sample_key(member.name)
        content = _json_object(listing, key)
        folder, _, rest = member.name.partition("/")
        yield {
            "uri": member.uri,
            "stated": _stated_label(listing, key, content),
            "folder": folder if rest else None,
            "mask_uri": mask.uri if (mask := listing.masks.get(key)) else None,
            "tags": _tags(content) or None,
            "size": member.size,
            "content_key": content_key,
        }


def sample_key(name: str) -> str:
    """What the members of one WebDataset sample share: the name up to its first dot."""
    folder, base = posixpath.split(name)
    return posixpath.join(folder, base.split(".", 1)[0])


def _stated_label(listing: TarListing, key: str, content: dict[str, Any]) -> str | int | None:
    stated = listing.texts.get(f"{key}.cls")
    if stated is None:
        label = content.get("label")
        if label is None or (isinstance(label, str | int) and not isinstance(label, bool)):
            return label
        raise _unreadable(listing, f"{key}.json", f"its label is {label!r}", "a number or a text")
    try:
        return stated.decode().strip() or None
    except UnicodeDecodeError as error:
        raise _unreadable(listing, f"{key}.cls", str(error), "a class index or name") from error


def _json_object(listing: TarListing, key: str) -> dict[str, Any]:
    text = listing.texts.get(f"{key}.json")
    if text is None:
        return {}
    try:
        content = parse_json(text)
    except ValueError as error:
        raise _unreadable(listing, f"{key}.json", str(error), "a JSON object") from error
    return content if isinstance(content, dict) else {}


def _tags(content: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, str(value))
        for name, value in content.items()
        if name != "label" and isinstance(value, str | int | float)
    ]


def _unreadable(listing: TarListing, member: str, got: str, expected: str) -> AuditError:
    return AuditError(f"{listing.archive}: {member} cannot be read: {got}; expected {expected}")
