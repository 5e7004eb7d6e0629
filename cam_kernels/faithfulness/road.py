"""ROAD, remove and debias (arXiv:2202.00449)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cam_kernels.faithfulness.linear_imputation import impute
from cam_kernels.faithfulness.pixel_order import ranks_of_rows
from cam_kernels.faithfulness.variants import Score, check_inputs, score_variants

PERCENTAGES = (10, 20, 30, 40, 50, 60, 70, 80, 90)
NOISE = 0.01


@dataclass(frozen=True)
class RoadScores:
    """For N images and P percentages, float64; NaN where the map is not finite.

    morf : (N, P), the class's probability with that percentage of pixels removed, the highest
        in the map first (most relevant first)
    lerf : (N, P), the lowest first (least relevant first)
    combined : (N,), the mean over percentages of (lerf - morf) / 2, in [-1/2, 1/2]; higher is
        better, and 0 is expected of a map that knows nothing
    """

    morf: Tensor
    lerf: Tensor
    combined: Tensor


def road(
    images: Tensor,
    maps: Tensor,
    score: Score,
    *,
    batch_size: int,
    percentages: Sequence[int] = PERCENTAGES,
    noise: float = NOISE,
    seed: int = 0,
) -> RoadScores:
    """Remove pixels by noisy linear imputation, so that the shape of the removed region does
    not tell the model the class (section 4.2).

    Forwards: 2 per image and percentage, 18 by default. Ties as in `pixel_order.pixel_ranks`.

    images : Tensor, shape (N, C, h, w), as the model takes them
    maps : Tensor, shape (N, H, W), raw, on any grid
    score : see `variants.Score`
    percentages : shares of pixels to remove; at least one pixel goes and one stays
    noise : standard deviation of the noise on imputed pixels, in the model's input units. The
        field of noise is drawn once from `seed` and is the same for every image

    Raises: ValueError where images, maps, percentages or batch_size do not fit.
    """
    check_inputs(images, maps, batch_size)
    height, width = images.shape[2:]
    counts = _removed_counts(percentages, height * width).to(images.device)
    generator = torch.Generator().manual_seed(seed)
    speckle = noise * torch.randn(images.shape[1:], generator=generator).to(images)

    def make(of: Tensor, variant: Tensor) -> Tensor:
        ranks = ranks_of_rows(maps, of, height, width)
        count = counts[variant % len(counts)][:, None, None]
        least_first = (variant >= len(counts))[:, None, None]
        removed = torch.where(least_first, ranks >= height * width - count, ranks < count)
        return impute(images[of], removed) + speckle * removed[:, None]

    scores = score_variants(make, maps, 2 * len(counts), score, batch_size)
    morf, lerf = scores[:, : len(counts)], scores[:, len(counts) :]
    return RoadScores(morf=morf, lerf=lerf, combined=((lerf - morf) / 2).mean(dim=1))


def _removed_counts(percentages: Sequence[int], pixels: int) -> Tensor:
    counts = [percentage * pixels // 100 for percentage in percentages]
    if not counts or min(counts) < 1 or max(counts) >= pixels:
        raise ValueError(
            f"percentages must remove at least one and not all of {pixels} pixels, got "
            f"{tuple(percentages)}. Use values between 1 and 99"
        )
    return torch.tensor(counts)
