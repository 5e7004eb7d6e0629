"""Shapley-CAM: the gradient corrected by the curvature of the score (arXiv:2501.06261)."""

import torch
from torch import Tensor

from cam_kernels.methods.precision import widened


def rest_scores(logits: Tensor, class_idx: Tensor) -> Tensor:
    """The paper's score to explain, ReST: the logit plus the logarithm of the probability.

    A logit alone is linear in the activations behind a GAP + linear head, so that its
    curvature is 0 and Shapley-CAM of it is Grad-CAM. The logarithm of the softmax is curved.

    logits : Tensor, shape (N, classes)
    class_idx : Tensor, shape (N,), int64

    Returns: Tensor, shape (N,).
    """
    scores = widened(logits) + widened(logits).log_softmax(dim=1)
    return scores.gather(1, class_idx[:, None])[:, 0]


def hessian_vector_product(scores: Tensor, activations: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient of the scores, and their Hessian times the activations, by two backward passes.

    scores : Tensor, shape (N,), computed from `activations` with a graph; score n may depend on
        image n only, as it does for a model in eval mode
    activations : Tensor, shape (N, K, H, W), part of that graph

    Returns: gradients and H A, two Tensors of shape (N, K, H, W), without a graph.

    Raises: ValueError where the scores do not depend on the activations through a graph.
    """
    if not (scores.requires_grad and activations.requires_grad):
        raise ValueError(
            "the scores must be computed from activations that require a gradient; got "
            f"requires_grad {scores.requires_grad} (scores), {activations.requires_grad} "
            "(activations). Run the head under torch.enable_grad()"
        )
    (gradients,) = torch.autograd.grad(scores.sum(), activations, create_graph=True)
    curvature = None
    if gradients.requires_grad:  # not where the score is linear
        vector = activations.detach()
        (curvature,) = torch.autograd.grad(
            gradients, activations, vector, retain_graph=True, allow_unused=True
        )
    if curvature is None:
        curvature = torch.zeros_like(gradients)
    return gradients.detach(), curvature.detach()


def shapleycam_weights(activations: Tensor, gradients: Tensor, curvature: Tensor) -> Tensor:
    """Shapley-CAM: the mean of gradient minus half of Hessian times activations, per channel.

    It comes from the Shapley values of the score's expansion to second order at the activations
    (arXiv:2501.06261), in the form that pytorch-grad-cam gives it. Where the score is linear in
    the activations it equals Grad-CAM.

    activations : Tensor, shape (N, K, H, W); only its shape is used
    gradients : Tensor, shape (N, K, H, W) or (N, K, 1, 1), of the score
    curvature : Tensor, shape (N, K, H, W) or (N, K, 1, 1): the Hessian of the score times the
        activations, as `hessian_vector_product` gives it

    Returns: Tensor, shape (N, K), any sign.
    """
    return (widened(gradients) - 0.5 * widened(curvature)).mean(dim=(2, 3))
