"""What the last layer sees beside objects, and the classes that it brings with it."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from reports.background.stored_background import StoredContexts
from reports.cases import Case
from reports.quantities import Estimate, Rate
from reports.tables import AuditTables

CONTEXTS_LISTED = 40
RISKS_LISTED = 5
LARGEST_Q = 0.1  # of the false discovery rate


@dataclass(frozen=True)
class MarkedCell:
    """row, col : of the target layer's grid of `rows` x `cols` cells"""

    case: Case
    href: str
    row: int
    col: int


@dataclass(frozen=True)
class Risk:
    """How much more often a class is predicted where the cluster is, over images of others.

    difference : of the two rates; present, absent : the rates
    discovery : the difference on the half on which it was found
    """

    class_idx: int
    name: str
    difference: Estimate
    present: Rate
    absent: Rate
    discovery: float
    q_value: float

    @property
    def replicated(self) -> bool:
        return self.q_value <= LARGEST_Q and self.difference.value > 0


@dataclass(frozen=True)
class Context:
    """images : with the cluster, of all; object_share : NaN where no object is known"""

    cluster: int
    images: Rate
    cells: int
    object_share: float
    exemplars: list[MarkedCell]
    risks: list[Risk]
    risks_total: int


def order_clusters(stored: StoredContexts) -> pd.DataFrame:
    """The largest replicated risk difference first; those without one by their images."""
    clusters = stored.clusters.assign(largest=float("nan"))
    if len(stored.risks):
        replicated = stored.risks[_is_replicated(stored.risks)]
        largest = replicated.groupby("cluster")["risk_difference"].max()
        clusters["largest"] = clusters["cluster"].map(largest)
    return clusters.sort_values(
        ["largest", "images", "cluster"], ascending=[False, False, True], na_position="last"
    )


def show_contexts(
    tables: AuditTables,
    exemplars: dict[int, list[tuple[int, int]]],
    cases: dict[int, Case],
    links: dict[int, str],
) -> list[Context]:
    """The clusters that a page shows, with their classes; none where none were made."""
    stored = tables.contexts
    if stored is None:
        return []
    return [
        _context(tables, stored, row, exemplars[int(row["cluster"])], cases, links)
        for row in order_clusters(stored).head(CONTEXTS_LISTED).to_dict("records")
    ]


def _context(
    tables: AuditTables,
    stored: StoredContexts,
    row: dict[Any, Any],
    exemplars: list[tuple[int, int]],
    cases: dict[int, Case],
    links: dict[int, str],
) -> Context:
    cols = max(1, int(tables.grid[1]))
    risks = _risks(tables, stored.risks, int(row["cluster"]))
    return Context(
        cluster=int(row["cluster"]),
        images=Rate(int(row["images"]), len(tables.images)),
        cells=int(row["cells"]),
        object_share=float(row["object_share"]),
        exemplars=[
            MarkedCell(cases[image_id], links.get(image_id, ""), cell // cols, cell % cols)
            for image_id, cell in exemplars
        ],
        risks=risks[:RISKS_LISTED],
        risks_total=len(risks),
    )


def _risks(tables: AuditTables, risks: pd.DataFrame, cluster: int) -> list[Risk]:
    """Of one cluster, the replicated first, then by the difference."""
    if not len(risks):
        return []
    own = risks[(risks["cluster"] == cluster) & risks["risk_difference"].notna()]
    own = own.assign(replicated=_is_replicated(own)).sort_values(
        ["replicated", "risk_difference", "class_idx"], ascending=[False, False, True]
    )
    return [
        Risk(
            class_idx=int(row["class_idx"]),
            name=tables.class_name(int(row["class_idx"])),
            difference=Estimate(
                float(row["risk_difference"]),
                float(row["low"]),
                float(row["high"]),
                int(row["present"] + row["absent"]),
                int(row["present"] + row["absent"]),
            ),
            present=Rate(int(row["predicted_present"]), int(row["present"])),
            absent=Rate(int(row["predicted_absent"]), int(row["absent"])),
            discovery=float(row["discovery_difference"]),
            q_value=float(row["q_value"]),
        )
        for row in own.to_dict("records")
    ]


def _is_replicated(risks: pd.DataFrame) -> "pd.Series[bool]":
    return (risks["q_value"] <= LARGEST_Q) & (risks["risk_difference"] > 0)
