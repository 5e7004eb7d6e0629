"""XGrad-CAM, HiResCAM, LayerCAM and Element-wise Grad-CAM, cell by cell."""

from collections.abc import Callable

import numpy as np

from tests.reference import Floats


def xgradcam_weights(activations: Floats, gradients: Floats) -> Floats:
    """Eq. 8 of arXiv:2008.02312; 0 where a channel adds up to 0. Shape (N, K)."""
    weights = np.zeros(activations.shape[:2])
    for n, k in np.ndindex(*weights.shape):
        total = sum(activations[n, k].flat)
        for i, j in np.ndindex(*activations.shape[2:]):
            if total != 0:
                weights[n, k] += activations[n, k, i, j] / total * gradients[n, k, i, j]
    return weights


def hirescam_map(activations: Floats, gradients: Floats) -> Floats:
    """sum_k g A, signed (arXiv:2011.08891)."""
    return _summed(activations, gradients, lambda a, g: a * g)


def layercam_map(activations: Floats, gradients: Floats) -> Floats:
    """relu(sum_k relu(g) A) (IEEE TIP 30, 5875)."""
    return np.maximum(_summed(activations, gradients, lambda a, g: a * g if g > 0 else 0.0), 0)


def elementwise_gradcam_map(activations: Floats, gradients: Floats) -> Floats:
    """sum_k relu(g A)."""
    return _summed(activations, gradients, lambda a, g: max(a * g, 0.0))


def _summed(
    activations: Floats, gradients: Floats, term: Callable[[float, float], float]
) -> Floats:
    maps = np.zeros((len(activations), *activations.shape[2:]))
    for n, k, i, j in np.ndindex(*activations.shape):
        maps[n, i, j] += term(activations[n, k, i, j], gradients[n, k, i, j])
    return maps


def gradcam_pp_epsilon_weights(activations: Floats, gradients: Floats) -> Floats:
    """Grad-CAM++ with 1e-6 added below the line, as pytorch-grad-cam has it. Shape (N, K)."""
    weights = np.zeros(activations.shape[:2])
    for n, k, i, j in np.ndindex(*activations.shape):
        g = gradients[n, k, i, j]
        alpha = g**2 / (2 * g**2 + g**3 * activations[n, k].sum() + 1e-6)
        weights[n, k] += alpha * max(g, 0.0)
    return weights
