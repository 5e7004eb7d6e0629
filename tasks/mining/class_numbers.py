"""Means, contributions and AUROC of every unit for every class, over all shards."""

import numpy as np
import numpy.typing as npt

from tasks.mining.class_peaks import ClassPeaks
from tasks.mining.layers import MinedLayer, unit_chunks
from tasks.mining.peak_stats import PeakStats
from tasks.mining.shard_peaks import ShardPeaks
from tasks.mining.unit_classes import ClassNumbers, differences
from tasks.statistics.exact_sum import ExactSum

Floats = npt.NDArray[np.floating]


def class_numbers(
    peaks: ShardPeaks, layers: list[MinedLayer], stats: PeakStats, most_bytes: int
) -> ClassNumbers:
    """The numbers of `unit_classes`, the shards read once for each of them.

    stats : of the peaks of all shards
    most_bytes : what the running counts may take; beyond it the shards are read again for further
        units
    """
    classes = peaks.images.classes
    labels = peaks.images.label
    images = np.bincount(np.searchsorted(classes, labels[labels >= 0]), minlength=len(classes))
    mean, difference = differences(stats.class_sums(), images)
    auroc, error = _auroc(peaks, stats, most_bytes)
    return ClassNumbers(
        class_idx=classes,
        images=images,
        contribution=_contributions(peaks, layers[0].channels) / images[:, None],
        mean=mean,
        mean_difference=difference,
        auroc=auroc,
        auroc_error=error,
    )


def _contributions(peaks: ShardPeaks, channels: int) -> Floats:
    """(classes, channels): what each unit gives to the score of a class, summed over its images."""
    sums = ExactSum((len(peaks.images.classes), channels))
    for shard in peaks.shards("contribution", "contribution_scale"):
        relative, scale = shard.columns
        known = shard.group >= 0
        values = relative[known].astype(np.float64) * scale[known, None]
        sums.update_rows(shard.group[known], values)
    return sums.compute()


def _auroc(peaks: ShardPeaks, stats: PeakStats, most_bytes: int) -> tuple[Floats, Floats]:
    counts, classes = stats.histogram.counts, len(peaks.images.classes)
    found = []
    for units in unit_chunks(len(counts), max(1, ClassPeaks.bytes_per_unit(classes)), most_bytes):
        of_classes = ClassPeaks(counts[units], classes)
        for shard in peaks.shards("activation"):
            known = shard.group >= 0
            of_classes.update(shard.columns[0][known, units], shard.group[known])
        found.append(of_classes.compute())
    auroc, error = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
    return auroc, error
