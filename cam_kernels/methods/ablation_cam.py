"""Ablation-CAM: a channel weighs what the class score loses without it."""

import torch
from torch import Tensor

from cam_kernels.methods.extra_forwards import (
    ActivationScore,
    channel_scores,
    one_score_per_row,
)


def ablated_channels(activations: Tensor) -> Tensor:
    """The channels whose removal can change anything: those not 0 throughout. NaN is kept.

    activations : Tensor, shape (N, K, H, W)

    Returns: Tensor, shape (N, K), bool; its sum over K is the number of forwards.
    """
    return (activations != 0).any(dim=3).any(dim=2)


def ablationcam_weights(
    activations: Tensor, score: ActivationScore, base_scores: Tensor, *, batch_size: int = 32
) -> Tensor:
    """Ablation-CAM: w_k = (y - y_k) / y (Desai and Ramaswamy, WACV 2020).

    y is the class score and y_k what is left of it with channel k set to 0, one forward per
    channel. A channel that is 0 already has w_k = 0 and costs none. Where y < 0 the quotient
    would turn the map's sign round, so the divisor is |y|: a positive weight always means that
    the class loses by the ablation. Where y = 0 the weight is the loss itself.

    pytorch-grad-cam sets the channel to 0 only if the lowest activation is exactly 0, otherwise
    to 1e7 below the lowest, which is no ablation but an intervention far outside of the data.

    activations : Tensor, shape (N, K, H, W)
    score : class scores of changed activations, see `ActivationScore`
    base_scores : Tensor, shape (N,), y, the class scores of the unchanged activations
    batch_size : rows per call of `score`

    Returns: Tensor, shape (N, K), any sign, without unit.

    Raises: ValueError for a batch size below 1, or counts that differ.
    """
    _check_base_scores(base_scores, activations)
    channels = torch.arange(activations.shape[1], device=activations.device)

    def score_ablated(of: Tensor, channel: Tensor) -> Tensor:
        kept = (channels != channel[:, None])[:, :, None, None]
        return one_score_per_row(score(torch.where(kept, activations[of], 0.0), of), len(of))

    chosen = ablated_channels(activations)
    scores = channel_scores(chosen, score_ablated, batch_size)
    unchanged = base_scores[:, None].expand(chosen.shape)
    without = unchanged.masked_scatter(chosen, scores.to(base_scores.dtype))
    return _relative_loss(unchanged - without, base_scores).to(activations.dtype)


def ablationcam_closed_form_weights(
    activations: Tensor, class_weights: Tensor, base_scores: Tensor
) -> Tensor:
    """Ablation-CAM behind a GAP + linear head: w_k = w_ck mean(A_k) / y, without any forward.

    There the class score is sum_k w_ck mean(A_k) + b_c, and channel k's removal takes away its
    own term. For y <= 0 see `ablationcam_weights`, which this equals.

    activations : Tensor, shape (N, K, H, W)
    class_weights : Tensor, shape (N, K), each image's row w_c of the linear head
    base_scores : Tensor, shape (N,), y, the class logits

    Returns: Tensor, shape (N, K), any sign, without unit.

    Raises: ValueError for counts that differ.
    """
    _check_base_scores(base_scores, activations)
    if class_weights.shape != activations.shape[:2]:
        raise ValueError(
            f"class_weights has shape {tuple(class_weights.shape)}; expected "
            f"{tuple(activations.shape[:2])}, the row of each image's class in the linear head"
        )
    return _relative_loss(class_weights * activations.mean(dim=(2, 3)), base_scores)


def _relative_loss(loss: Tensor, base_scores: Tensor) -> Tensor:
    divisor = torch.where(base_scores == 0, 1.0, base_scores.abs())
    return loss / divisor[:, None]


def _check_base_scores(base_scores: Tensor, activations: Tensor) -> None:
    if base_scores.shape != activations.shape[:1]:
        raise ValueError(
            f"base_scores has shape {tuple(base_scores.shape)}; expected ({len(activations)},), "
            "one class score per image"
        )
