"""Which class index a folder or a label stands for."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from tasks.errors import AuditError

_MOST_CLASSES = 1_000_000  # above, an index is a slip


@dataclass(frozen=True)
class ClassList:
    """Names of the model's classes, and the class index of each folder or label word.

    names : one per output of the model
    index_of : class index by folder or label word
    """

    names: tuple[str, ...]
    index_of: dict[str, int]


def read_classes(file: str, categories: list[str] | None) -> ClassList:
    """The classes file: CSV with columns class_idx, name and (default: the name) folder.

    categories : names of all outputs of the model, used for those that the file leaves out; None:
        there is no model yet, and any index from 0 on will do

    Raises: AuditError for missing columns, repeated or impossible indices.
    """
    try:
        table = pd.read_csv(
            file, dtype=str, keep_default_na=False, index_col=False, encoding="utf-8-sig"
        ).rename(columns=str.strip)
    except (OSError, ValueError) as error:
        raise AuditError(f"classes file {file} cannot be read: {error}") from error
    missing = {"class_idx", "name"} - set(table.columns)
    if missing:
        raise AuditError(
            f"classes file {file} lacks the column(s) {', '.join(sorted(missing))}; expected "
            f"class_idx,name,folder, got {','.join(table.columns)}"
        )
    index = pd.to_numeric(table["class_idx"], errors="coerce")
    if categories is None:
        highest = index.where(index < _MOST_CLASSES).max()
        categories = [f"class {i}" for i in range(0 if pd.isna(highest) else int(highest) + 1)]
    wrong = table.loc[~index.between(0, len(categories) - 1) | (index % 1 != 0), "class_idx"]
    if len(wrong):
        raise AuditError(
            f"classes file {file}: class_idx {wrong.iloc[0]!r} is not an output of the model; "
            f"expected whole numbers from 0 to {len(categories) - 1}"
        )
    folders = table["folder"] if "folder" in table else table["name"]
    for column, values in (("class_idx", index), ("folder", folders)):
        if values.duplicated().any():
            raise AuditError(
                f"classes file {file}: {column} {values[values.duplicated()].iloc[0]!r} stands "
                "there twice; expected one row per class"
            )
    names = list(categories)
    for class_idx, name in zip(index.astype(int), table["name"], strict=True):
        names[class_idx] = name
    once = ~table["name"].duplicated(keep=False)  # ImageNet has two cranes
    words = dict(zip(table["name"][once], index[once].astype(int), strict=True))
    words.update(zip(folders, index.astype(int), strict=True))
    return ClassList(tuple(names), words)


def classes_from_words(words: Iterable[str], categories: list[str], what: str) -> ClassList:
    """Folders or label words, in sorted order, as the model's classes.

    what : 'folders' or 'labels', for the error

    Raises: AuditError where their number differs from the model's outputs.
    """
    names = sorted(set(words))
    if len(names) != len(categories):
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        raise AuditError(
            f"the dataset has {len(names)} class {what} ({shown}) but the model has "
            f"{len(categories)} outputs, so it is not known which is which. Give --classes FILE, "
            "a CSV with the columns class_idx,name,folder and one row per folder or label"
        )
    return ClassList(tuple(names), {name: i for i, name in enumerate(names)})


def named_classes(names: tuple[str, ...], categories: list[str]) -> ClassList:
    """Names that stand in the dataset, the first for class index 0.

    Raises: AuditError where their number differs from the model's outputs.
    """
    if len(names) != len(categories):
        raise AuditError(
            f"the dataset names {len(names)} classes but the model has {len(categories)} outputs. "
            "Give --classes FILE, a CSV with the columns class_idx,name"
        )
    return ClassList(names, {name: i for i, name in enumerate(names)})


def default_classes(categories: list[str]) -> ClassList:
    """For labels that are class indices already."""
    return ClassList(tuple(categories), {})
