"""Scoring many changed versions of each image, some rows at a time."""

from collections.abc import Callable

import torch
from torch import Tensor

# (images (B, C, h, w), of (B,) int64) -> (B,): the probability of the class of image of[b], for
# row b, which is a changed version of that image.
Score = Callable[[Tensor, Tensor], Tensor]

# (of (B,) int64, variant (B,) int64) -> images (B, C, h, w): version variant[b] of image of[b].
MakeVariants = Callable[[Tensor, Tensor], Tensor]


def score_variants(
    make: MakeVariants, maps: Tensor, variants: int, score: Score, batch_size: int
) -> Tensor:
    """The score of each version of each image whose map is finite.

    No more than `batch_size` versions exist at a time. An image whose map is not finite costs
    no forward.

    make : builds the asked-for versions
    maps : Tensor, shape (N, H, W)
    variants : versions per image, numbered from 0

    Returns: Tensor, shape (N, variants), float64; NaN where the map is not finite.

    Raises: ValueError where `score` does not return one value per row.
    """
    usable = maps.flatten(1).isfinite().all(dim=1).nonzero()[:, 0]
    scores = torch.full((len(maps), variants), torch.nan, dtype=torch.float64, device=maps.device)
    total = len(usable) * variants
    for first in range(0, total, batch_size):
        rows = torch.arange(first, min(first + batch_size, total), device=maps.device)
        of, variant = usable[rows // variants], rows % variants
        with torch.no_grad():
            scored = score(make(of, variant), of)
        if scored.shape != of.shape:
            raise ValueError(
                f"score must return one value per row: expected shape {tuple(of.shape)}, got "
                f"{tuple(scored.shape)}. Pick the class's probability of each row"
            )
        scores[of, variant] = scored.to(scores)
    return scores


def check_inputs(images: Tensor, maps: Tensor, batch_size: int) -> None:
    """Raises: ValueError unless there are N images (N, C, h, w), N maps (N, H, W) with cells,
    and a batch of at least one row."""
    if images.ndim != 4 or maps.ndim != 3 or len(images) != len(maps):
        raise ValueError(
            "expected images (N, C, h, w) and one map each (N, H, W), got "
            f"{tuple(images.shape)} and {tuple(maps.shape)}. Pass the maps of these images"
        )
    if 0 in (*images.shape[1:], *maps.shape[1:]):
        raise ValueError(
            f"images and maps must have pixels, got {tuple(images.shape)} and {tuple(maps.shape)}"
        )
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
