"""Deletion and insertion (RISE, section 4.2 of arXiv:1806.07421)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from cam_kernels.faithfulness.fills import Fill, blurred, mean_colour
from cam_kernels.faithfulness.pixel_order import ranks_of_rows
from cam_kernels.faithfulness.variants import Score, check_inputs, score_variants


@dataclass(frozen=True)
class PerturbationCurves:
    """For N images; NaN where the map is not finite.

    curve : (N, steps + 1) float64, the class's probability with k / steps of the pixels
        changed, the highest in the map first, for k = 0 .. steps
    area : (N,) float64, the area under the curve over shares of pixels, in [0, 1]
    """

    curve: Tensor
    area: Tensor


def deletion(
    images: Tensor,
    maps: Tensor,
    score: Score,
    *,
    steps: int,
    batch_size: int,
    fill: Fill = mean_colour,
) -> PerturbationCurves:
    """The probability as the highest pixels of the map are replaced first: lower is better.

    Forwards: steps + 1 per image. Ties as in `pixel_order.pixel_ranks`, so a constant or empty
    map is deleted in reading order.

    images : Tensor, shape (N, C, h, w), as the model takes them
    maps : Tensor, shape (N, H, W), raw, on any grid
    score : see `variants.Score`
    steps : number of equal steps from the image to the fill, 1 .. h * w
    fill : what a removed pixel becomes

    Raises: ValueError where images, maps, steps or batch_size do not fit.
    """
    return _curves(images, maps, score, steps, batch_size, fill, into_fill=True)


def insertion(
    images: Tensor,
    maps: Tensor,
    score: Score,
    *,
    steps: int,
    batch_size: int,
    fill: Fill = blurred,
) -> PerturbationCurves:
    """The probability as the highest pixels of the map come first into the fill: higher is
    better. Otherwise as `deletion`.

    Forwards: steps + 1 per image.
    """
    return _curves(images, maps, score, steps, batch_size, fill, into_fill=False)


def area_under(curve: Tensor) -> Tensor:
    """Trapezoids of equal width over [0, 1] (`auc` in evaluation.py of the authors' code).

    curve : Tensor, shape (N, points), at least two points

    Returns: Tensor, shape (N,), in the curve's units.
    """
    ends = (curve[:, 0] + curve[:, -1]) / 2
    return (curve.sum(dim=1) - ends) / (curve.shape[1] - 1)


def _curves(
    images: Tensor,
    maps: Tensor,
    score: Score,
    steps: int,
    batch_size: int,
    fill: Fill,
    into_fill: bool,
) -> PerturbationCurves:
    check_inputs(images, maps, batch_size)
    height, width = images.shape[2:]
    if not 1 <= steps <= height * width:
        raise ValueError(f"steps must be 1 .. {height * width} for these images, got {steps}")

    filled = fill(images)

    def make(of: Tensor, step: Tensor) -> Tensor:
        cut = step * height * width // steps
        changed = ranks_of_rows(maps, of, height, width) < cut[:, None, None]
        return torch.where((changed == into_fill)[:, None], filled[of], images[of])

    curve = score_variants(make, maps, steps + 1, score, batch_size)
    return PerturbationCurves(curve=curve, area=area_under(curve))
