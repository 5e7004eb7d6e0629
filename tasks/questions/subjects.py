"""What a manifest knows of its images that can be asked."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

LABEL = "label"
MOST_VALUES = 50  # of a tag; one with more is a name or a number


@dataclass(frozen=True)
class Subject:
    """name : 'label', or a tag
    values : of the N images, shape (N,), str; None where unknown
    """

    name: str
    values: npt.NDArray[np.object_]


def find_subjects(
    manifest: pd.DataFrame, class_names: list[str]
) -> tuple[list[Subject], dict[str, str]]:
    """The label where it has two values or more, and every tag with 2 to 50.

    manifest : columns label (-1 where unknown) and tags (name and value pairs), a row per image

    Returns: the subjects, and of what was left out the reason, by name.
    """
    tags = [dict(row) if row is not None else {} for row in manifest["tags"]]
    labels = [class_names[i] if 0 <= i < len(class_names) else None for i in manifest["label"]]
    columns: dict[str, list[Any]] = {LABEL: labels}
    for name in sorted({key for row in tags for key in row}):
        columns[name] = [row.get(name) for row in tags]
    found, left_out = [], {}
    for name, values in columns.items():
        count = len({value for value in values if value is not None})
        if count < 2:
            left_out[name] = "one value" if count else "no values"
        elif name != LABEL and count > MOST_VALUES:
            left_out[name] = f"{count} values, more than {MOST_VALUES}"
        else:
            found.append(Subject(name, np.array(values, dtype=object)))
    return found, left_out
