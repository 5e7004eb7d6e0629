"""Clusters of explanations: the ways in which a model sees one class."""

from dataclasses import dataclass

from reports.background.background_exemplars import PatternKey
from reports.cases import Case
from reports.quantities import Rate
from reports.tables import AuditTables


@dataclass(frozen=True)
class Pattern:
    """Images given one class on like evidence.

    accuracy : of those with a label
    object_energy : mean of the predicted class's maps; NaN where no object is known
    exemplars : the nearest to the centre first; fewer, or none, where the budget is spent
    """

    cluster: int
    name: str
    images: int
    accuracy: Rate
    object_energy: float
    exemplars: list[Case]


def patterns_by_class(
    tables: AuditTables, exemplars: dict[PatternKey, list[int]], cases: dict[int, Case]
) -> dict[int, list[Pattern]]:
    """Patterns of each class, the largest first."""
    if tables.patterns is None:
        return {}
    ordered = tables.patterns.sort_values(
        ["class_idx", "images", "cluster"], ascending=[True, False, True]
    )
    found: dict[int, list[Pattern]] = {}
    for row in ordered.to_dict("records"):
        key = (int(row["class_idx"]), int(row["cluster"]))
        pattern = Pattern(
            cluster=key[1],
            name=str(row["name"]),
            images=int(row["images"]),
            accuracy=Rate(int(row["correct"]), int(row["labelled"])),
            object_energy=float(row["object_energy"]),
            exemplars=[cases[image_id] for image_id in exemplars.get(key, [])],
        )
        found.setdefault(key[0], []).append(pattern)
    return found
