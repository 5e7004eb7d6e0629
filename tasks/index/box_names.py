"""Names of boxes and masks that a user wrote into a manifest."""

from typing import Any

import numpy as np
import pandas as pd

from tasks.errors import AuditError
from tasks.given_json import parse_json


def parse_box_names(text: str | None, line: int, file: str) -> list[Any] | None:
    """Names from a cell of a CSV; AuditError names the line where it is no JSON list."""
    if text is None:
        return None
    try:
        names = parse_json(text)
    except ValueError:
        names = None
    if not isinstance(names, list):
        raise AuditError(
            f"manifest {file}, line {line}: box_names {text!r} cannot be read; expected a JSON "
            "list with a name in quotes, or null, for each box"
        )
    return names


def read_box_names(
    boxes: pd.Series, names: pd.Series, file: str, first: int = 0
) -> list[list[str | None] | None]:
    """A name or None for each box of each row; None for a row that names no box.

    boxes, names : a list or None in each row; first : number of the first row

    Raises: AuditError where a row's lists are of unequal length, and for what is no list of
    names.
    """
    read: list[list[str | None] | None] = []
    for row, (of_row, given) in enumerate(zip(boxes, names, strict=True), first):
        if given is None:
            read.append(None)
            continue
        if not _is_names(given):
            raise AuditError(
                f"manifest {file}, row {row}: box_names {given!r} cannot be read; expected a list "
                "with a text, or null, for each box"
            )
        count = 0 if of_row is None else len(of_row)
        if len(given) != count:
            raise AuditError(
                f"manifest {file}, row {row}: {len(given)} box_names for {count} boxes; expected "
                "one for each box. Write null for a box without a name"
            )
        cleaned = [read_name(name) for name in given]
        read.append(cleaned if any(cleaned) else None)
    return read


def read_name(name: Any) -> str | None:
    """A name without the spaces around it; None where nothing is left."""
    if name is None or (isinstance(name, float) and np.isnan(name)):
        return None
    return str(name).strip() or None


def _is_names(given: Any) -> bool:
    return isinstance(given, list | tuple | np.ndarray) and all(
        name is None or isinstance(name, str) for name in given
    )
