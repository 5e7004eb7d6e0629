"""A copy of a model that gives the same outputs sooner."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

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
    model: nn.Module, target_layer: str, images: Tensor, *, exact: bool, tolerance: float
) -> FastCopy:
    """The fastest copy of `model` whose logits on `images` are within `tolerance`.

    Batch norms are folded where `torch.fx` can trace the forward. The output of `target_layer`
    stays what it was.

    exact : leave the arithmetic untouched
    """
    untouched = copy.deepcopy(model).eval().requires_grad_(False)
    if not exact:
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            before = untouched(images)
            for fast, folded in _candidates(untouched, target_layer, images):
                change = (fast(images) - before).abs().max()
                deviation = float(change / before.abs().max().clamp_min(1e-30))
                if deviation <= tolerance:  # False for NaN, too
                    return FastCopy(fast, folded, channels_last=True, deviation=deviation)
    return FastCopy(untouched, folded=False, channels_last=False, deviation=0.0)


def _candidates(
    untouched: nn.Module, target_layer: str, images: Tensor
) -> Iterator[tuple[nn.Module, bool]]:
    """Copies in channels-last, the fastest first, each with whether it is folded."""
    try:
        folded = fold_batch_norms(untouched, intact=target_layer)
        folded = folded.to(memory_format=torch.channels_last)
        yield folded, True
    except NotTraceable:
        pass
    yield copy.deepcopy(untouched).to(memory_format=torch.channels_last), False
