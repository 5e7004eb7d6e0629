"""Average drop, increase and gain: what the map alone keeps of the class."""

from dataclasses import dataclass

import torch
from torch import Tensor

from cam_kernels.faithfulness.pixel_order import enlarge
from cam_kernels.faithfulness.variants import Score, check_inputs, score_variants


@dataclass(frozen=True)
class ExplanationScores:
    """For N images, each (N,) float64; NaN where the map is not finite. With y the probability
    of the whole image and o that of the explanation map:

    drop : max(0, y - o) / y in [0, 1]; 0 where y is 0 and there is nothing to lose
    increase : 1 where o > y, else 0
    gain : max(0, o - y) / (1 - y) in [0, 1]; 0 where y is 1 and there is nothing to gain
    """

    drop: Tensor
    increase: Tensor
    gain: Tensor


def explanation_scores(
    images: Tensor, maps: Tensor, probability: Tensor, score: Score, *, batch_size: int
) -> ExplanationScores:
    """Average drop and average increase (section 4.1 of Grad-CAM++, arXiv:1710.11063), average
    gain (section 4.1 of Opti-CAM, arXiv:2301.07002); the averages are over images.

    The explanation map is the image times the map scaled to [0, 1]. The product is taken where
    the model takes its input, as in the code of these papers: for usual preprocessing what the
    map leaves out becomes the training set's mean colour, not black.

    Forwards: 1 per image.

    images : Tensor, shape (N, C, h, w), as the model takes them
    maps : Tensor, shape (N, H, W), raw, on any grid
    probability : Tensor, shape (N,), of the class for the whole image
    score : see `variants.Score`

    Raises: ValueError where images, maps, probability or batch_size do not fit.
    """
    check_inputs(images, maps, batch_size)
    if probability.shape != (len(images),):
        raise ValueError(
            f"expected one probability per image, shape ({len(images)},), got "
            f"{tuple(probability.shape)}"
        )

    def make(of: Tensor, _variant: Tensor) -> Tensor:
        visible = unit_range(enlarge(maps[of], *images.shape[2:]))
        return images[of] * visible.to(images.dtype)[:, None]

    explained = score_variants(make, maps, 1, score, batch_size)[:, 0]
    whole = probability.to(explained)
    lost, won = (whole - explained).relu(), (explained - whole).relu()
    known = ~(explained.isnan() | whole.isnan())
    return ExplanationScores(
        drop=torch.where(whole == 0, 0.0 * lost, lost / whole),
        increase=torch.where(known, (won > 0).double(), torch.nan),
        gain=torch.where(whole == 1, 0.0 * won, won / (1 - whole)),
    )


def unit_range(maps: Tensor) -> Tensor:
    """Each map from its minimum at 0 to its maximum at 1. A constant map points nowhere and
    becomes 0.

    maps : Tensor, shape (N, h, w), finite

    Returns: Tensor of the same shape, values in [0, 1].
    """
    lowest = maps.amin(dim=(1, 2), keepdim=True)
    extent = maps.amax(dim=(1, 2), keepdim=True) - lowest
    return torch.where(extent > 0, (maps - lowest) / extent, 0.0)
