"""Spearman's rank correlation between maps."""

import torch
from torch import Tensor


def rank_correlation(maps: Tensor, others: Tensor, *, absolute: bool = False) -> Tensor:
    """Spearman's rho of each pair of maps: Pearson's correlation of their ranks, equal values
    sharing the mean of theirs.

    maps, others : Tensor, shape (N, ...), both the same, at least one axis after the first
    absolute : compare absolute values, as arXiv:1810.03292 does beside the signed ones

    Returns: Tensor, shape (N,), float64, in [-1, 1]; NaN where a map is constant or holds a NaN.

    Raises: ValueError where the shapes differ or hold no values.
    """
    if maps.shape != others.shape or maps.ndim < 2:
        raise ValueError(
            f"the maps have shapes {tuple(maps.shape)} and {tuple(others.shape)}; expected the "
            "same shape (N, ...) with at least two axes"
        )
    # Infinities have a rank; NaN has none.
    unknown = (maps.isnan() | others.isnan()).flatten(1).any(dim=1)
    first, second = (
        _centred_ranks((values.abs() if absolute else values).flatten(1))
        for values in (maps, others)
    )
    spread = first.square().sum(dim=1) * second.square().sum(dim=1)
    rho = (first * second).sum(dim=1) / torch.where(spread > 0, spread, torch.nan).sqrt()
    return torch.where(unknown, torch.nan, rho.clamp(-1, 1))


def _centred_ranks(values: Tensor) -> Tensor:
    """Ranks of each row less their mean, doubled: whole numbers, exact in float64."""
    ordered = values.sort(dim=1).values
    values = values.contiguous()
    below = torch.searchsorted(ordered, values)
    up_to = torch.searchsorted(ordered, values, right=True)
    return (below + up_to - values.shape[1]).double()
