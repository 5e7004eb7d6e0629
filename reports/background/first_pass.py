"""Where the evidence of mistakes and of correct predictions lies, before anything is changed."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reports.background.stored_background import StoredBackground
from reports.quantities import Mean, Rate, mean_of
from tasks.tables.background_schemas import OBJECT_SOURCES

# Column, what it is called, and whether it is a baseline.
_SCORES = (
    ("score", "The model's contrast", False),
    ("uniform_score", "A uniform map", True),
    ("centre_score", "A map of the centre", True),
    ("border_score", "A map of the border", True),
)


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
    labelled, mistake = (images[name].to_numpy(bool) for name in ("labelled", "mistake"))
    # The baselines are of the same images as what they are compared with.
    scored = np.isfinite(images["score"].to_numpy(np.float64))
    columns = [(images[column].to_numpy(), *words) for column, *words in _SCORES]
    sources = []
    for source in OBJECT_SOURCES:
        own = labelled & (images["object_source"] == source).to_numpy()
        if not own.any():
            continue
        wrong, right = scored & own & mistake, scored & own & ~mistake
        scores = [
            Score(name, mean_of(values[wrong]), mean_of(values[right]), baseline)
            for values, name, baseline in columns
        ]
        sources.append(Source(source, Rate(int(own.sum()), int(labelled.sum())), scores))
    return sources


def source_counts(stored: StoredBackground) -> dict[str, Rate]:
    """Labelled images by where their object came from, those without one as 'none'."""
    counts = stored.verdicts["object_source"].value_counts()
    images = len(stored.verdicts)
    known = {source: int(counts.get(source, 0)) for source in OBJECT_SOURCES}
    known["none"] = images - int(counts.sum())
    return {source: Rate(number, images) for source, number in known.items()}
