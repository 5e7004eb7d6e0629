"""Which class is taken for which."""

from dataclasses import dataclass

from reports.quantities import Rate
from reports.tables import AuditTables

PAIRS_LISTED = 20


@dataclass(frozen=True)
class Pair:
    """Images of class `label` that were given class `predicted`, another one.

    rate : of the images with that label
    """

    label: int
    predicted: int
    rate: Rate


def confused_pairs(tables: AuditTables) -> list[Pair]:
    """All pairs of two classes that were confused, the most frequent first; ties by index."""
    table = tables.confusions[tables.confusions["images"] > 0]
    totals = table.groupby("label")["images"].sum()
    wrong = table[table["label"] != table["predicted"]]
    ordered = wrong.sort_values(["images", "label", "predicted"], ascending=[False, True, True])
    return [
        Pair(label, predicted, Rate(images, int(totals[label])))
        for label, predicted, images in zip(
            ordered["label"].tolist(),
            ordered["predicted"].tolist(),
            ordered["images"].tolist(),
            strict=True,
        )
    ]
