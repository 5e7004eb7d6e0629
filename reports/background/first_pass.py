"""Where the evidence of mistakes and of correct predictions lies, before anything is changed."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reports.background.stored_background import StoredBackground
from reports.quantities import Mean, Rate, mean_of
from tasks.tables.background_schemas import OBJECT_SOURCES

BASELINES = {
    "uniform_score": "A uniform map",
    "centre_score": "A map of the centre",
    "border_score": "A map of the border",
}


@dataclass(frozen=True)
class Score:
    """A mean share of the background, over mistakes and over correct predictions."""

    name: str
    mistakes: Mean
    correct: Mean
    baseline: bool


@dataclass(frozen=True)
class Source:
    """scores : of the model's contrast, then of the baselines; images : of all labelled ones"""

    source: str
    images: Rate
    scores: list[Score]


def scores_by_source(images: pd.DataFrame) -> list[Source]:
    """A table for each way in which objects were told, the surest first.

    images : of `AuditTables`
    """
    labelled = images["labelled"]
    read = ["mistake", "score", *BASELINES]
    return [
        Source(
            source=source,
            images=Rate(len(own), int(labelled.sum())),
            scores=[
                Score("The model's contrast", *_split(own, "score"), baseline=False),
                *(
                    Score(name, *_split(own, column), baseline=True)
                    for column, name in BASELINES.items()
                ),
            ],
        )
        for source in OBJECT_SOURCES
        if len(own := images.loc[labelled & (images["object_source"] == source), read])
    ]


def source_counts(stored: StoredBackground) -> dict[str, Rate]:
    """Labelled images by where their object came from, those without one as 'none'."""
    counts = stored.verdicts["object_source"].value_counts()
    images = len(stored.verdicts)
    known = {source: int(counts.get(source, 0)) for source in OBJECT_SOURCES}
    known["none"] = images - int(counts.sum())
    return {source: Rate(number, images) for source, number in known.items()}


def _split(rows: pd.DataFrame, column: str) -> tuple[Mean, Mean]:
    """Means over mistakes and over correct predictions, of images that have a score: the
    baselines are of the same images as what they are compared with."""
    values = rows[column].where(np.isfinite(rows["score"].astype(float)))
    return mean_of(values[rows["mistake"]]), mean_of(values[~rows["mistake"]])
