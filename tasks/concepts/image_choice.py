"""Which images show a concept: a tag of the manifest, or a file that lists them."""

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.errors import AuditError
from tasks.model.loaded import unknown_name

Ids = npt.NDArray[np.int64]

_LISTED = 3  # of what is not found, in an error
_FIELDS = ("uri", "image_id")


def choose_images(choice: str, manifest: pd.DataFrame, class_names: list[str]) -> Ids:
    """The images that `choice` names.

    choice : a file that exists, or COLUMN=VALUE. The column is a tag of the manifest, or else
        `split` or `label` (a class's name or index)
    manifest : columns image_id, uri, label, split, tags (name and value pairs)

    Returns: sorted image_ids, without repeats, at least one.

    Raises: AuditError for a file that cannot be read or that names what the manifest has not, for
    an unknown column and for a value that no image has.
    """
    if Path(choice).is_file():
        return _of_file(Path(choice), manifest)
    column, sign, value = choice.partition("=")
    if not sign:
        raise AuditError(
            f"{choice!r} is neither a file nor COLUMN=VALUE. Give a text file with a uri or an "
            "image_id a line, a CSV with a column of either name, or a tag as in weather=rain"
        )
    values = _column(column.strip(), manifest, class_names)
    wanted = value.strip()
    if column.strip() == "label" and wanted.isdigit() and int(wanted) < len(class_names):
        wanted = class_names[int(wanted)] if wanted not in class_names else wanted
    chosen = manifest["image_id"].to_numpy()[(values == wanted).to_numpy()]
    if not chosen.size:
        known = sorted({str(each) for each in values.dropna()})
        raise AuditError(f"{unknown_name(f'value of {column.strip()!r}', wanted, known)}. "
                         f"Known are {_some(known, 12)}")  # fmt: skip
    return np.unique(chosen)


def _column(name: str, manifest: pd.DataFrame, class_names: list[str]) -> pd.Series:
    tags = [dict(row) if row is not None else {} for row in manifest["tags"]]
    known = sorted({key for row in tags for key in row})
    if name in known:
        return pd.Series([row.get(name) for row in tags], index=manifest.index, dtype=object)
    if name == "split":
        return manifest["split"]
    if name == "label":
        names = [class_names[i] if 0 <= i < len(class_names) else None for i in manifest["label"]]
        return pd.Series(names, index=manifest.index, dtype=object)
    tags_known = f"its tags are {_some(known, 12)}" if known else "it has no tags"
    raise AuditError(
        f"the manifest has no tag {name!r}; {tags_known}. Give one of them, split=VALUE, "
        "label=CLASS, or a file that lists the images"
    )


def find_images(entries: list[str], field: str, manifest: pd.DataFrame, file: Path) -> list[int]:
    """The image_id of each entry that a file lists, in its order.

    field : 'uri' or 'image_id', what the entries are
    file : beside which relative uris are looked for

    Raises: AuditError for what the manifest has not, and for the end of several uris.
    """
    found = _by_id(entries, manifest) if field == "image_id" else _by_uri(file, entries, manifest)
    missing = [entry for entry, image_id in zip(entries, found, strict=True) if image_id is None]
    if missing:
        raise AuditError(
            f"{file}: {len(missing)} of {len(entries)} entries are no {field} of this audit's "
            f"manifest: {_some(missing, _LISTED)}. A uri is written as in the manifest (as in "
            f"{manifest['uri'].iloc[0]!r}), relative to the list, or by its last parts alone"
        )
    return [image_id for image_id in found if image_id is not None]


def _of_file(file: Path, manifest: pd.DataFrame) -> Ids:
    field, entries = _entries(file)
    if not entries:
        raise AuditError(f"{file} lists no images; expected a uri or an image_id a line")
    return np.unique(np.array(find_images(entries, field, manifest, file), dtype=np.int64))


def _entries(file: Path) -> tuple[str, list[str]]:
    """What the file lists, and whether as uris or as image_ids."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AuditError(f"{file} cannot be read as text: {error}") from error
    rows = [row for row in csv.reader(line for line in lines if line.strip()) if row]
    header = [name.strip() for name in rows[0]] if rows else []
    for field in _FIELDS:
        if field in header:
            place = header.index(field)
            return field, [row[place].strip() for row in rows[1:] if len(row) > place]
    entries = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return "image_id" if all(entry.isdigit() for entry in entries) else "uri", entries


def _by_id(entries: list[str], manifest: pd.DataFrame) -> list[int | None]:
    known = {str(image_id): int(image_id) for image_id in manifest["image_id"]}
    return [known.get(entry) for entry in entries]


def _by_uri(file: Path, entries: list[str], manifest: pd.DataFrame) -> list[int | None]:
    exact = dict(zip(manifest["uri"], manifest["image_id"], strict=True))
    by_name: dict[str, list[str]] = {}
    for uri in exact:
        by_name.setdefault(uri.rsplit("/", 1)[-1], []).append(uri)
    found: list[int | None] = []
    for entry in entries:
        beside = str((file.parent / entry).resolve()) if "://" not in entry else entry
        ends = [
            uri
            for uri in by_name.get(entry.rsplit("/", 1)[-1], [])
            if uri.endswith("/" + entry.lstrip("./"))
        ]
        uri = next((name for name in (entry, beside) if name in exact), None)
        if uri is None and len(ends) > 1:
            raise AuditError(
                f"{file}: {entry!r} is the end of {len(ends)} uris: {_some(ends, _LISTED)}. Write "
                "more of the path"
            )
        uri = uri or (ends[0] if ends else None)
        found.append(None if uri is None else int(exact[uri]))
    return found


def _some(names: list[str], shown: int) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(repr(name) for name in names[:shown]) + more
