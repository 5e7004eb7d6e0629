"""Score-CAM and its kin: a channel weighs what the model makes of the image seen through it.

All take a class score of masked images and end in a softmax over an image's channels. The
papers subtract the score of a baseline image first (the channel-wise increase of confidence,
CIC); that is the same number for each channel, the softmax removes it, and it is not asked for.

Channels of one value throughout (dead behind a ReLU, mostly) have no mask: max = min. They get
weight 0, stay out of the softmax, as in the code of Score-CAM's authors, and cost no forward.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from cam_kernels.methods.extra_forwards import (
    ImageScore,
    as_many,
    channel_scores,
    one_score_per_row,
    shared_noise,
)


def live_channels(activations: Tensor) -> Tensor:
    """The channels that give a mask: all but those of one value throughout. NaN is live.

    activations : Tensor, shape (N, K, H, W)

    Returns: Tensor, shape (N, K), bool; its sum over K is the number of forwards of Score-CAM.
    """
    return activations.amax(dim=(2, 3)) != activations.amin(dim=(2, 3))


def scorecam_weights(
    images: Tensor, activations: Tensor, score: ImageScore, *, batch_size: int = 32
) -> Tensor:
    """Score-CAM (algorithm 1, arXiv:1910.01279).

    H_k is A_k enlarged bilinearly (no aligned corners) to the image, then moved and scaled to
    [0, 1]; w = softmax_k f_c(X * H_k). Here f_c is the logit, as in the algorithm; the authors'
    code weighs with the softmax probability of the class instead, without the softmax over k.

    images : Tensor, shape (N, C, h, w), as the model takes them
    activations : Tensor, shape (N, K, H, W), of these images
    score : class scores of masked images, see `ImageScore`; one row per live channel
    batch_size : rows per call of `score`

    Returns: Tensor, shape (N, K), values in [0, 1] that sum to 1 over the live channels.

    Raises: ValueError for a batch size below 1, or counts that differ.
    """
    mean_scores = _mean_scores(images, activations, score, [(1.0, None)], 1, batch_size)
    return _softmax_of_live(activations, mean_scores)


def sscam_weights(
    images: Tensor,
    activations: Tensor,
    score: ImageScore,
    *,
    samples: int = 35,
    std: float = 2.0,
    seed: int = 0,
    batch_size: int = 32,
) -> Tensor:
    """SS-CAM with noise on the activation map (variant 1, arXiv:2006.14255).

    w = softmax_k 1/n sum_i f_c(X * (H_k + e_i)), e_i ~ N(0, std^2) per pixel, H_k as in
    Score-CAM. Defaults are the authors' (n = 35, std = 2). All channels and images see the same
    e_i: that changes no channel's expectation, and no image's result depends on its neighbours.

    images, activations, score, batch_size : as for `scorecam_weights`; n rows per live channel
    samples : n, at least 1
    std : of the noise, in units of the mask's range
    seed : of the noise

    Returns: Tensor, shape (N, K), values in [0, 1] that sum to 1 over the live channels.

    Raises: ValueError for a batch size or samples below 1, or counts that differ.
    """
    noise = std * shared_noise(images.shape[2:], samples, seed, images)
    variants = [(1.0, one) for one in noise]
    mean_scores = _mean_scores(images, activations, score, variants, samples, batch_size)
    return _softmax_of_live(activations, mean_scores)


def iscam_weights(
    images: Tensor,
    activations: Tensor,
    score: ImageScore,
    *,
    samples: int = 10,
    batch_size: int = 32,
) -> Tensor:
    """IS-CAM (arXiv:2010.03023).

    w = softmax_k 1/n sum_i f_c(M_i) over i = 1 ... n, M_i = sum_{j<i} (j / n) X * H_k: the mask
    times i (i - 1) / 2n, which exceeds 1 where i (i - 1) > 2n. H_k is as in Score-CAM; n = 10
    is the paper's. M_1 is black for each channel; the softmax removes it, and it is not run.

    images, activations, score, batch_size : as for `scorecam_weights`; n - 1 rows per live channel
    samples : n, at least 2

    Returns: Tensor, shape (N, K), values in [0, 1] that sum to 1 over the live channels.

    Raises: ValueError for a batch size below 1, samples below 2, or counts that differ.
    """
    if samples < 2:
        raise ValueError(f"samples is {samples}; expected at least 2, as the first mask is black")
    variants = [(i * (i - 1) / (2 * samples), None) for i in range(2, samples + 1)]
    mean_scores = _mean_scores(images, activations, score, variants, samples, batch_size)
    return _softmax_of_live(activations, mean_scores)


def _mean_scores(
    images: Tensor,
    activations: Tensor,
    score: ImageScore,
    variants: Sequence[tuple[float, Tensor | None]],
    samples: int,
    batch_size: int,
) -> Tensor:
    """Scores of the live channels, summed over variants (scale, noise) of each mask, / samples."""
    as_many(images, activations)

    def score_channels(of: Tensor, channel: Tensor) -> Tensor:
        masks = _masks(activations[of, channel].to(images), images.shape[2:])
        total = torch.zeros(len(of), device=images.device)
        for scale, noise in variants:
            mask = scale * masks if noise is None else scale * masks + noise
            total = total + one_score_per_row(score(mask * images[of], of), len(of))
        return total / samples

    return channel_scores(live_channels(activations), score_channels, batch_size)


def _masks(channels: Tensor, size: Sequence[int]) -> Tensor:
    """Channels (B, H, W), enlarged and scaled to [0, 1]: shape (B, 1, h, w)."""
    enlarged = interpolate(channels[:, None], list(size), mode="bilinear", align_corners=False)
    lowest = enlarged.amin(dim=(2, 3), keepdim=True)
    span = enlarged.amax(dim=(2, 3), keepdim=True) - lowest
    return (enlarged - lowest) / torch.where(span == 0, 1.0, span)


def _softmax_of_live(activations: Tensor, scores: Tensor) -> Tensor:
    live = live_channels(activations)
    all_scores = scores.new_full(live.shape, -torch.inf).masked_scatter(live, scores)
    # An image without a live channel has no softmax, and no weights either.
    weights = torch.where(live, all_scores.softmax(dim=1), 0.0)
    return weights.to(activations.dtype)
