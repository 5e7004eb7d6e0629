"""What a last layer cannot be learnt from, told plainly."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tasks.errors import AuditError
from tasks.training.groups import group_sizes


def check_held_out(
    features: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    groups: Sequence[str],
    num_classes: int,
    draws: int,
) -> None:
    """Raises: AuditError for what `retrain_last_layer` cannot learn from."""
    if features.ndim != 2 or not len(features) == len(labels) == len(groups):
        raise AuditError(
            "last layer: expected features of shape (N, K) with a label and a group each, got "
            f"{features.shape}, {len(labels)} labels and {len(groups)} groups"
        )
    if not np.isfinite(features).all():
        rows = np.flatnonzero(~np.isfinite(features).all(axis=1))
        raise AuditError(
            f"the features of {len(rows)} held-out images are not finite, the first in row "
            f"{rows[0]}; take these images out of the dataset"
        )
    if draws < 1:
        raise AuditError(f"draws must be at least 1; got {draws}")
    outside = labels[(labels < 0) | (labels >= num_classes)]
    if outside.size:
        raise AuditError(f"label {outside[0]} is none of the {num_classes} classes")
    absent = sorted(set(range(num_classes)) - set(labels.tolist()))
    if absent or num_classes < 2:
        raise AuditError(
            f"no held-out image of class {', '.join(map(str, absent[:5]))}; expected some of each "
            f"of {num_classes} classes, at least two. Hold more images out"
        )
    check_groups(groups)


def check_groups(groups: Sequence[str]) -> None:
    """Raises: AuditError for a group with one image, and for fewer than two groups."""
    sizes = group_sizes(groups)
    single = [name for name, images in sizes.items() if images < 2]
    if single:
        raise AuditError(
            f"{len(single)} of {len(sizes)} groups have one held-out image (the first: "
            f"{single[0]!r}); expected two at least, one to learn from and one to choose the "
            "penalty by. Hold more images out, or group by a tag with fewer values"
        )
    if len(sizes) < 2:
        raise AuditError(
            f"all held-out images are of one group, {next(iter(sizes), None)!r}; expected two "
            "groups or more. Name a tag that parts the classes with --group-by"
        )
