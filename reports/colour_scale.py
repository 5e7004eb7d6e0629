"""One colour scale for all images of an audit, so that a faint map is faint evidence."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reports.tables import AuditTables

PERCENTILES = (99, 95, 90, 75)
FAINT = 0.5  # a scale suits the maps if half of them reach this share of it


@dataclass(frozen=True)
class ColourScale:
    """limit : raw value of the strongest colour, above 0
    percentile : of the maps' peaks, at which the limit lies; 100 is the largest peak
    """

    limit: float
    percentile: int


@dataclass(frozen=True)
class Scales:
    """positive : maps of one class; contrast : absolute value; mean : mean maps of classes"""

    positive: ColourScale
    contrast: ColourScale
    mean: ColourScale


def choose_scales(tables: AuditTables) -> Scales:
    """The scales of an audit: of the predicted class's maps, which every image has, of the
    contrast maps, and of the mean maps."""
    drawn = tables.class_stats[tables.class_stats["mean_map_images"] > 0]
    largest = max((float(np.max(mean_map)) for mean_map in drawn["mean_map"]), default=0.0)
    return Scales(
        positive=choose_scale(_peaks(tables.images, "predicted")),
        contrast=choose_scale(_peaks(tables.images, "contrast")),
        mean=ColourScale(largest if largest > 0 else 1.0, 100),
    )


def _peaks(images: pd.DataFrame, role: str) -> "pd.Series[float]":
    return images.loc[images[f"{role}_state"] == "ok", f"{role}_scale"]


def choose_scale(peaks: "pd.Series[float]") -> ColourScale:
    """The 99th percentile of the maps' peaks, or a lower one where a few huge peaks would
    leave most maps too faint to see."""
    values = peaks[np.isfinite(peaks) & (peaks > 0)].to_numpy(dtype=np.float64)
    if not values.size:
        return ColourScale(1.0, PERCENTILES[0])
    for percentile in PERCENTILES:
        limit = float(np.percentile(values, percentile))
        if np.median(values) >= FAINT * limit:
            break
    return ColourScale(limit, percentile)
