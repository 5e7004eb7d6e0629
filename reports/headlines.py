"""The figures of the whole audit."""

from dataclasses import dataclass

import pandas as pd

from reports.quantities import Mean, Rate, mean_of
from reports.tables import AuditTables

CONFIDENT = 0.9


@dataclass(frozen=True)
class Headlines:
    """read : images audited, of all in the manifest
    accuracy : of the images with a label
    confidence : mean probability of the predicted class over the same images
    confident_mistakes : mistakes with a probability of 0.9 or more
    object_energy : share of the label's map on the object, where there is a mask or a box
    object_area : what a uniform map would score there; NaN where there is none
    pointing : maps of the label that peak on the object
    empty, not_finite : maps of the predicted class that are no evidence
    """

    read: Rate
    accuracy: Rate
    confidence: Mean
    confident_mistakes: Rate
    object_energy: Mean
    object_area: float
    pointing: Rate
    empty: Rate
    not_finite: Rate


@dataclass(frozen=True)
class Comparison:
    """A number of the predicted class's map, where the prediction is right and where not.

    even : what a map that is the same everywhere would score; NaN where unknown
    """

    name: str
    even: float
    right: Mean
    wrong: Mean


def headline_figures(tables: AuditTables) -> Headlines:
    """Count them from the tables."""
    images = tables.images
    labelled, mistakes = (
        images.loc[images[name], "probability"] for name in ("labelled", "mistake")
    )
    audited, unread = len(images), len(tables.unread)
    hits = images["label_pointing_hit"].dropna()
    states = images["predicted_state"].dropna()
    return Headlines(
        read=Rate(audited, audited + unread),
        accuracy=Rate(len(labelled) - len(mistakes), len(labelled)),
        confidence=mean_of(labelled),
        confident_mistakes=Rate(int((mistakes >= CONFIDENT).sum()), len(mistakes)),
        object_energy=mean_of(images["label_object_energy"]),
        object_area=_mean_area(tables.class_stats),
        pointing=Rate(int(hits.eq(True).sum()), len(hits)),
        empty=Rate(int((states == "empty").sum()), len(states)),
        not_finite=Rate(int((states == "not_finite").sum()), len(states)),
    )


def compare_evidence(tables: AuditTables) -> list[Comparison]:
    """Where the predicted class's map lies, right predictions against mistakes."""
    images = tables.images
    wrong = images["mistake"]
    right = images["labelled"] & ~wrong
    asked = (
        ("predicted_object_energy", "Energy on the object", _mean_area(tables.class_stats)),
        ("predicted_border_share", "Energy in the outermost cells", tables.even_border_share),
    )
    rows = [
        Comparison(name, even, mean_of(images.loc[right, key]), mean_of(images.loc[wrong, key]))
        for key, name, even in asked
    ]
    return [row for row in rows if row.right.count or row.wrong.count]


def _mean_area(class_stats: pd.DataFrame) -> float:
    """The classes' object areas, each as often as the class has masked images."""
    masked = class_stats[class_stats["masked_images"] > 0]
    weights = masked["masked_images"]
    if not len(masked):
        return float("nan")
    return float((masked["object_area"] * weights).sum() / weights.sum())
