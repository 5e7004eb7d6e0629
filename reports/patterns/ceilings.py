"""Layers whose activations are cut off at a ceiling, as ReLU6 does, and what lies before it."""

import numpy as np
import pandas as pd

from reports.patterns.stored_units import StoredUnits
from reports.patterns.unit_layers import UnitLayer

SHARE_AT_CEILING = 0.5  # of the units: that many do not share their largest peak by chance


def ceiling_of(stats: pd.DataFrame) -> float | None:
    """The largest peak where at least half of the units that are not dead share it; None where
    they do not. Peaks at a ceiling cannot be told apart.

    stats : rows of `unit_stats` of one layer
    """
    peaks = stats.loc[~stats["dead"].eq(True), "peak_largest"].dropna()
    if len(peaks) < 2 or (peaks == peaks.max()).mean() < SHARE_AT_CEILING:
        return None
    return float(peaks.max())


def layer_before_ceiling(stored: StoredUnits, layer: UnitLayer) -> UnitLayer:
    """The mined layer that is `layer` before its ceiling: each of its units has, cut off at 0 and
    at the ceiling, the same least and largest peak. `layer` itself where it has no ceiling, or
    where no such layer was mined.
    """
    ceiling = ceiling_of(stored.of_layer(stored.stats, layer.name))
    if ceiling is None:
        return layer
    ends = _peak_ends(stored, layer)
    for other in stored.layers:
        shape = other.channels, other.rows, other.cols
        if other.name == layer.name or shape != (layer.channels, layer.rows, layer.cols):
            continue
        found = _peak_ends(stored, other)
        # Not to the last bit: a folded batch norm rounds otherwise.
        cut = np.clip(found, 0, ceiling)
        if found.max() > ceiling and np.allclose(cut, ends, rtol=0, atol=1e-4 * ceiling):
            return other
    return layer


def _peak_ends(stored: StoredUnits, layer: UnitLayer) -> np.ndarray:
    rows = stored.of_layer(stored.stats, layer.name).sort_values("unit")
    return rows[["peak_least", "peak_largest"]].to_numpy(dtype=np.float64)
