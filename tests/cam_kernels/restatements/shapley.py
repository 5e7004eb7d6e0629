"""Shapley-CAM with the Hessian taken by central differences of the gradient."""

from collections.abc import Callable

from tests.reference import Floats, gradcam_weights


def curvature(gradient_at: Callable[[Floats], Floats], activations: Floats) -> Floats:
    """H A as the derivative of the gradient along the activations."""
    step = 1e-5
    ahead = gradient_at(activations * (1 + step))
    behind = gradient_at(activations * (1 - step))
    return (ahead - behind) / (2 * step)


def shapleycam_weights(gradients: Floats, hessian_times_activations: Floats) -> Floats:
    """Mean of g - H A / 2 over positions. Shape (N, K)."""
    return gradcam_weights(gradients) - gradcam_weights(hessian_times_activations) / 2
