"""A copy of a model that gives the same outputs sooner."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from cam_kernels.fold import NotTraceable, fold_batch_norms


@dataclass(frozen=True)
class FastCopy:
    """A frozen copy of a model, in eval mode.

    folded : its batch norms are part of its convolutions
    channels_last : its images have to be in that memory format
    deviation : largest difference of an output from the untouched model's on the example,
        relative to the largest output
    """

    model: nn.Module
    folded: bool
    channels_last: bool
    deviation: float


def fast_copy(
    untouched: nn.Module,
    target_layers: Sequence[str],
    images: Tensor,
    *,
    exact: bool,
    tolerance: float,
) -> FastCopy:
    """The fastest copy of a model whose outputs for `images` are within `tolerance`.

    Batch norms are folded where `torch.fx` can trace the forward. The outputs of
    `target_layers` stay what they were.

    untouched : nn.Module in eval mode, its parameters frozen; it is not changed
    exact : leave the arithmetic untouched, and give the model itself
    """
    if not exact:
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            before = untouched(images)
            for fast, folded in _candidates(untouched, target_layers):
                deviation = _deviation(before, fast(images))
                if deviation <= tolerance:  # False for NaN, too
                    return FastCopy(fast, folded, channels_last=True, deviation=deviation)
    return FastCopy(untouched, folded=False, channels_last=False, deviation=0.0)


def _deviation(before: Any, after: Any) -> float:
    """Of all tensors that a model returned; infinite where they are not as many or as large."""
    pairs = [[leaf for leaf in tree_leaves(o) if isinstance(leaf, Tensor)] for o in (before, after)]
    shapes = [[leaf.shape for leaf in leaves] for leaves in pairs]
    if shapes[0] != shapes[1]:
        return float("inf")
    relative = [
        (b.double() - a.double()).abs().max() / a.double().abs().max().clamp_min(1e-30)
        for a, b in zip(*pairs, strict=True)
        if a.numel()
    ]
    return float(torch.stack(relative).max()) if relative else 0.0


def _candidates(
    untouched: nn.Module, target_layers: Sequence[str]
) -> Iterator[tuple[nn.Module, bool]]:
    """Copies in channels-last, the faster first, each with whether it is folded."""
    try:
        folded = fold_batch_norms(untouched, intact=target_layers)
        yield folded.to(memory_format=torch.channels_last), True
    except NotTraceable:
        pass
    yield copy.deepcopy(untouched).to(memory_format=torch.channels_last), False
