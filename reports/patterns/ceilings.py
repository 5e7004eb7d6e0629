"""Layers whose peaks share a ceiling that the audit could not look behind."""

import pandas as pd

SHARE_AT_CEILING = 0.5  # of the units: that many do not share their largest peak by chance


def shared_ceiling(stats: pd.DataFrame) -> float | None:
    """The largest peak where at least half of the units that are not dead share it; None where
    they do not. Peaks at a ceiling cannot be told apart.

    stats : rows of `unit_stats` of one layer
    """
    peaks = stats.loc[~stats["dead"].eq(True), "peak_largest"].dropna()
    if len(peaks) < 2 or (peaks == peaks.max()).mean() < SHARE_AT_CEILING:
        return None
    return float(peaks.max())
