"""Columns that a user wrote into a manifest: labels, boxes, tags."""

import json
from itertools import repeat
from typing import Any

import numpy as np
import pandas as pd

from tasks.errors import AuditError


def read_labels(labels: pd.Series, file: str) -> list[Any]:
    """Class indices where every label is a whole number, else words."""
    given = [label for label in labels if not is_missing(label)]
    numbers = pd.to_numeric(pd.Series(given, dtype=object), errors="coerce")
    if numbers.notna().all():
        if (numbers % 1 != 0).any():
            wrong = given[int(np.argmax(numbers % 1 != 0))]
            raise AuditError(f"manifest {file}: label {wrong!r} is not a whole number")
        return [None if is_missing(label) else int(float(label)) for label in labels]
    return [None if is_missing(label) else str(label) for label in labels]


def read_tags(table: pd.DataFrame, names: list[str]) -> list[list[tuple[str, str]]]:
    """Name and value of each tag of each row; empty cells are left out.

    Rows with equal tags share one list: there are few kinds, in as many rows as there are images.
    """
    columns = [[None if is_missing(v) else str(v) for v in table[name]] for name in names]
    kinds: dict[tuple[str | None, ...], list[tuple[str, str]]] = {}
    return [
        kinds.setdefault(
            values,
            [(name, value) for name, value in zip(names, values, strict=True) if value is not None],
        )
        for values in (zip(*columns, strict=True) if names else repeat((), len(table)))
    ]


def parse_boxes(text: str | None, line: int, file: str) -> list[list[float]] | None:
    """Boxes from a cell of a CSV; AuditError names the line where it cannot be read."""
    if text is None:
        return None
    try:
        boxes = [[float(edge) for edge in box] for box in json.loads(text)]
    except (ValueError, TypeError):
        boxes = [[]]
    if any(len(box) != 4 for box in boxes):
        raise AuditError(
            f"manifest {file}, line {line}: boxes {text!r} cannot be read; expected a JSON list "
            "of [left, top, right, bottom] in pixels"
        )
    return boxes


def check_boxes(boxes: pd.Series, file: str, first: int = 0) -> None:
    """AuditError where a cell is no list of boxes. first : number of the first row there"""
    for row, given in enumerate(boxes, first):
        try:
            good = given is None or all(len([float(edge) for edge in box]) == 4 for box in given)
        except (TypeError, ValueError):
            good = False
        if not good:
            raise AuditError(
                f"manifest {file}, row {row}: boxes {given!r} cannot be read; expected a list of "
                "[left, top, right, bottom] in pixels"
            )


def is_missing(value: Any) -> bool:
    """None or NaN."""
    return value is None or (isinstance(value, float) and np.isnan(value))
