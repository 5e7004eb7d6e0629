"""Accuracy by group of the images that measure, before and after a model is mended."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.training.groups import empty_groups, group_sizes, worst_group

Labels = npt.NDArray[np.int64]


def group_results(
    groups: Sequence[str],
    labels: Labels,
    before: Labels | None,
    after: Labels,
    by_tag: bool = True,
) -> dict[str, Any]:
    """For training.json.

    groups, labels : of each image that measures
    by_tag : whether the groups are labels with values of one tag, of which some may be missing
    before, after : predicted class indices; before None where the model had other classes
    """
    return {
        "sizes": group_sizes(groups),
        "missing": list(empty_groups(groups)) if by_tag else [],
        "before": None if before is None else _accuracies(groups, before == labels),
        "after": _accuracies(groups, after == labels),
    }


def _accuracies(groups: Sequence[str], right: npt.NDArray[np.bool_]) -> dict[str, Any]:
    worst, accuracy, images = worst_group(right.tolist(), groups)
    names = np.array(groups, dtype=object)
    of_each = [float(right[names == name].mean()) for name in group_sizes(groups)]
    return {
        "worst": worst,
        "worst_accuracy": accuracy,
        "worst_images": images,
        "mean": float(np.mean(of_each)),
    }
