"""The few images that stand for many: which ones a page shows."""

from dataclasses import dataclass

import pandas as pd

from reports.largest import largest_of_each
from reports.pairs import PAIRS_LISTED, Pair
from reports.stored_maps import MapKey

BEST_PER_CLASS = 8
WORST_PER_CLASS = 8
PICTURES_OF_CLASSES = 5_000  # a budget: with many classes each one shows fewer
FEWEST_PER_CLASS = 2
CONFIDENT_MISTAKES = 8
MISTAKES_SHOWN = 240
MISTAKES_PER_PAIR = 4  # of each listed pair, however cheap, so that its link leads somewhere
_READ = ["image_id", "label", "predicted", "probability", "margin", "loss"]


@dataclass(frozen=True)
class Exemplars:
    """Image ids, in the order in which they are shown.

    best, worst : by class. With labels: right with the largest margin, wrong with the largest
        loss. Without: predicted with the highest and the lowest probability
    confident : mistakes with the highest probability
    mistakes : failure cases, the most costly first
    """

    best: dict[int, list[int]]
    worst: dict[int, list[int]]
    confident: list[int]
    mistakes: list[int]

    def map_keys(self) -> set[MapKey]:
        """The maps that the pages need: (image_id, role)."""
        keys = {(i, "predicted") for ids in self.best.values() for i in ids}
        keys |= {(i, "contrast") for ids in self.worst.values() for i in ids}
        keys |= {(i, "contrast") for i in self.confident}
        return keys | {
            (i, role) for i in self.mistakes for role in ("contrast", "predicted", "label")
        }


def choose_exemplars(images: pd.DataFrame, pairs: list[Pair]) -> Exemplars:
    """Choose from the images of an audit; ties by image_id.

    images : of `AuditTables`, by image_id; pairs : confused pairs, the most frequent first
    """
    right = images.loc[images["labelled"] & ~images["mistake"], _READ]
    mistakes, images = images.loc[images["mistake"], _READ], images[_READ]
    group, best, worst = "label", right, mistakes
    highest, lowest = right["margin"], mistakes["loss"]
    if not len(right) + len(mistakes):
        group, best, worst = "predicted", images, images
        highest, lowest = images["probability"], -images["probability"]
    per_class = PICTURES_OF_CLASSES // (2 * max(1, best[group].nunique()))
    most = max(FEWEST_PER_CLASS, min(BEST_PER_CLASS, per_class))
    best_ids = largest_of_each(best, group, highest, most)
    left = ~worst["image_id"].isin([i for ids in best_ids.values() for i in ids])
    most = max(FEWEST_PER_CLASS, min(WORST_PER_CLASS, per_class))
    return Exemplars(
        best=best_ids,
        worst=largest_of_each(worst[left], group, lowest[left], most),
        confident=_order(mistakes, "probability")["image_id"].head(CONFIDENT_MISTAKES).tolist(),
        mistakes=_choose_mistakes(mistakes, pairs[:PAIRS_LISTED]),
    )


def _choose_mistakes(mistakes: pd.DataFrame, pairs: list[Pair]) -> list[int]:
    costly = _order(mistakes, "loss")
    listed = pd.MultiIndex.from_tuples(
        [(pair.label, pair.predicted) for pair in pairs], names=["label", "predicted"]
    )
    of_pairs = pd.MultiIndex.from_frame(costly[["label", "predicted"]]).isin(listed)
    kept = costly[of_pairs].groupby(["label", "predicted"]).head(MISTAKES_PER_PAIR)
    others = costly[~costly["image_id"].isin(kept["image_id"])]
    chosen = pd.concat([kept, others.head(max(0, MISTAKES_SHOWN - len(kept)))])
    ids: list[int] = costly["image_id"][costly["image_id"].isin(chosen["image_id"])].tolist()
    return ids


def _order(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """rows : by image_id, so that a stable sort leaves ties by it"""
    return rows.sort_values(column, ascending=False, kind="stable")
