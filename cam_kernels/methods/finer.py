"""Finer-CAM: explain what sets a class apart from those most like it (arXiv:2501.11309)."""

from torch import Tensor

from cam_kernels.methods.precision import widened


def finer_scores(
    logits: Tensor, class_idx: Tensor, similar: int = 3, strength: float = 0.6
) -> Tensor:
    """The scores to differentiate in place of logits: S_c - strength * mean_d S_d.

    The classes d are the `similar` ones whose logits are closest to that of c (of equals the
    lowest index). Any method of activations and gradients follows from these scores.

    This is the paper's difference of logits, y^c - gamma y^d, averaged over the classes d
    before the map's ReLU. The pytorch-grad-cam library departs from it: it weighs the classes
    d with their softmax probabilities, differentiates these weights, too, and has strength 1
    by default.

    logits : Tensor, shape (N, classes)
    class_idx : Tensor, shape (N,), int64
    similar : number of classes to compare with, at least 1; all others where there are fewer
    strength : 0 gives the plain logit; 1 the whole difference

    Returns: Tensor, shape (N,), with the graph of `logits`.

    Raises: ValueError for fewer than two classes, `similar` < 1 or a strength that is negative
    or not finite.
    """
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise ValueError(
            f"Finer-CAM compares classes; expected logits of shape (N, classes) with at least "
            f"two classes, got {tuple(logits.shape)}"
        )
    if similar < 1 or not 0 <= strength < float("inf"):
        raise ValueError(
            f"expected similar >= 1 and a finite strength >= 0, got {similar} and {strength}"
        )
    logits = widened(logits)
    closest = _closest_classes(logits.detach(), class_idx, similar)
    target = logits.gather(1, class_idx[:, None])[:, 0]
    return target - strength * logits.gather(1, closest).mean(dim=1)


def _closest_classes(logits: Tensor, class_idx: Tensor, similar: int) -> Tensor:
    distance = (logits - logits.gather(1, class_idx[:, None])).abs()
    distance = distance.scatter(1, class_idx[:, None], float("inf"))
    return distance.argsort(dim=1, stable=True)[:, : min(similar, logits.shape[1] - 1)]
