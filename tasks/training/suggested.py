"""The list that `camaudit suggest` writes, as a training reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tasks.errors import AuditError
from tasks.training.examples import Examples

ACTIONS = ("relabel", "collect", "augment")
_NEEDED = ("uri", "action", "group", "weight", "rank")


@dataclass(frozen=True)
class Suggested:
    """What a list says of images, by uri; of several rows about one, the one of the lowest rank.

    group : name of its group, as far as it has one
    weight : > 0
    augment : uris that are to stand on other backgrounds
    decided : the label that the user decided on, for a doubtful one
    doubtful : uris whose label is doubtful and nothing was decided about
    """

    file: str
    group: dict[str, str]
    weight: dict[str, float]
    augment: frozenset[str]
    decided: dict[str, str]
    doubtful: frozenset[str]

    def to_dict(self) -> dict[str, Any]:
        """What a training depends on, for its identity."""
        return {
            "group": dict(sorted(self.group.items())),
            "weight": dict(sorted(self.weight.items())),
            "augment": sorted(self.augment),
            "decided": dict(sorted(self.decided.items())),
            "doubtful": sorted(self.doubtful),
        }


def read_suggestions(file: str) -> Suggested:
    """Read a CSV or Parquet list.

    Raises: AuditError for a file that is none, an unknown action and a weight that is none.
    """
    path = Path(file)
    try:
        table = (
            pd.read_parquet(path)
            if path.suffix == ".parquet"
            else pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        )
    except (OSError, ValueError, pa.ArrowException) as error:
        raise AuditError(f"suggestions {file} cannot be read: {error}") from error
    missing = [name for name in _NEEDED if name not in table]
    if missing:
        raise AuditError(
            f"suggestions {file} lack {', '.join(missing)}; expected the file that camaudit "
            f"suggest writes, got the columns {', '.join(map(str, table.columns))}"
        )
    unknown = table.loc[~table["action"].isin(ACTIONS), "action"]
    if len(unknown):
        raise AuditError(
            f"suggestions {file}: action {unknown.iloc[0]!r} is unknown; expected "
            f"{', '.join(ACTIONS)}"
        )
    weights = pd.to_numeric(table["weight"], errors="coerce")
    wrong = table.loc[~(np.isfinite(weights) & (weights > 0)), "weight"]
    if len(wrong):
        raise AuditError(f"suggestions {file}: weight {wrong.iloc[0]!r} is no number above 0")
    table = table.assign(weight=weights, rank=pd.to_numeric(table["rank"], errors="coerce"))
    return _by_uri(table.sort_values("rank", kind="stable"), file)


def _by_uri(table: pd.DataFrame, file: str) -> Suggested:
    first = table.drop_duplicates("uri").set_index("uri")
    grouped = table[table["group"].fillna("") != ""].drop_duplicates("uri").set_index("uri")
    doubted = table[table["action"] == "relabel"].drop_duplicates("uri").set_index("uri")
    filled = pd.Series("", index=doubted.index)
    if "label_decided" in doubted:
        filled = doubted["label_decided"].fillna("").astype(str).str.strip()
    return Suggested(
        file,
        {str(uri): str(group) for uri, group in grouped["group"].items()},
        {str(uri): float(weight) for uri, weight in first["weight"].items()},
        frozenset(table.loc[table["action"] == "augment", "uri"].astype(str)),
        {str(uri): label for uri, label in filled.items() if label},
        frozenset(str(uri) for uri, label in filled.items() if not label),
    )


def with_decided_labels(examples: Examples, suggested: Suggested) -> Examples:
    """The examples without those of a doubtful label, and with the labels that were decided on.

    Raises: AuditError where the list names other images, or a label that is no class.
    """
    uris = examples.uris
    known = set(uris)
    listed = {*suggested.weight, *suggested.decided, *suggested.doubtful}
    strange = sorted(listed - known)
    if strange:
        raise AuditError(
            f"{len(strange)} of {len(listed)} images of {suggested.file} are not among the "
            f"{len(uris)} that are trained with, the first: {strange[0]}. Give the --images that "
            "were audited, or take these rows out of the list"
        )
    labels = examples.labels
    for row, uri in enumerate(uris):
        if uri in suggested.decided:
            labels[row] = _class_of(suggested.decided[uri], examples, suggested.file)
    relabelled = examples.with_labels(labels)
    return relabelled.keep(_not_in(uris, suggested.doubtful), "of a doubtful label")


def _class_of(word: str, examples: Examples, file: str) -> int:
    names = examples.classes.names
    if word in examples.classes.index_of:
        return examples.classes.index_of[word]
    if word in names:
        return names.index(word)
    if word.isdigit() and int(word) < len(names):
        return int(word)
    raise AuditError(
        f"suggestions {file}: label_decided {word!r} is no class; expected one of "
        f"{', '.join(names[:10])}"
    )


def _not_in(uris: Sequence[str], left_out: frozenset[str]) -> npt.NDArray[np.bool_]:
    return np.array([uri not in left_out for uri in uris], dtype=bool)
