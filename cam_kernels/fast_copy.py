"""A copy of a model that gives the same outputs sooner."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from cam_kernels.fold import NotTraceable, fold_batch_norms, has_batch_norms
from cam_kernels.half_precision import HalfPrecision, half_precision

# Of bfloat16 on noise (docs/benchmarks). Networks below it keep their predictions on photographs;
# mobilenet_v2, at 0.04, changes 14 % of them.
HALF_TOLERANCE = 0.015


@dataclass(frozen=True)
class FastCopy:
    """A frozen copy of a model, in eval mode.

    folded : its batch norms are part of its convolutions
    channels_last : its images have to be in that memory format
    deviation : largest difference of an output from the untouched model's on the example,
        relative to the largest output
    half : how it runs in half precision; None where it does not
    fallbacks : a sentence for each thing that was tried in vain
    """

    model: nn.Module
    folded: bool
    channels_last: bool
    deviation: float
    half: HalfPrecision | None = None
    fallbacks: tuple[str, ...] = ()


def fast_copy(
    untouched: nn.Module,
    target_layers: Sequence[str],
    images: Tensor,
    *,
    exact: bool,
    tolerance: float,
    autocast: torch.dtype | None = None,
) -> FastCopy:
    """The fastest copy of a model whose outputs for `images` are within `tolerance`.

    Batch norms are folded where `torch.fx` can trace the forward. The outputs of
    `target_layers` stay what they were.

    untouched : nn.Module in eval mode, its parameters frozen; it is not changed
    exact : leave the arithmetic untouched, and give the model itself
    autocast : half precision to run in, where outputs are then within HALF_TOLERANCE; None: in
        the model's own
    """
    if exact:
        return FastCopy(untouched, folded=False, channels_last=False, deviation=0.0)
    images = images.contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        before = untouched(images)
        fast = _whole_precision(untouched, target_layers, images, before, tolerance)
        return fast if autocast is None else _half_precision(fast, images, before, autocast)


def _whole_precision(
    untouched: nn.Module,
    target_layers: Sequence[str],
    images: Tensor,
    before: Any,
    tolerance: float,
) -> FastCopy:
    fallbacks: tuple[str, ...] = ()
    for fast in _candidates(untouched, target_layers):
        fallbacks += fast.fallbacks
        deviation = output_deviation(before, fast.model(images))
        if deviation <= tolerance:  # False for NaN, too
            return replace(fast, deviation=deviation, fallbacks=fallbacks)
        what = "folded" if fast.folded else "in channels-last"
        fallbacks += (f"not {what}: {too_far(deviation, tolerance)}",)
    return FastCopy(
        untouched, folded=False, channels_last=False, deviation=0.0, fallbacks=fallbacks
    )


def _candidates(untouched: nn.Module, target_layers: Sequence[str]) -> Iterator[FastCopy]:
    """Copies in channels-last, the faster first."""
    fallbacks: tuple[str, ...] = ()
    try:
        folded = fold_batch_norms(untouched, intact=target_layers)
        yield _in_channels_last(folded, folded=True)
    except NotTraceable as error:
        if has_batch_norms(untouched):
            reason = one_line(error.__cause__ or error)
            fallbacks = (f"not folded: torch.fx cannot trace the forward ({reason})",)
    yield replace(_in_channels_last(copy.deepcopy(untouched), folded=False), fallbacks=fallbacks)


def _in_channels_last(model: nn.Module, *, folded: bool) -> FastCopy:
    return FastCopy(
        model.to(memory_format=torch.channels_last), folded, channels_last=True, deviation=0.0
    )


def _half_precision(fast: FastCopy, images: Tensor, before: Any, dtype: torch.dtype) -> FastCopy:
    name = str(dtype).removeprefix("torch.")
    try:
        half = half_precision(fast.model, images, dtype)
        with half.in_use(fast.model, images.device):
            deviation = output_deviation(before, fast.model(images))
    except Exception as error:  # a user's forward may not stand mixed precisions
        reason = one_line(error)
    else:
        if deviation <= HALF_TOLERANCE:
            return replace(fast, deviation=deviation, half=half)
        reason = too_far(deviation, HALF_TOLERANCE)
    return replace(fast, fallbacks=(*fast.fallbacks, f"not in {name}: {reason}"))


def output_deviation(before: Any, after: Any) -> float:
    """Largest difference, relative to the largest value, of all tensors that a model returned;
    infinite where they are not as many or as large, or not a number.
    """
    pairs = [
        [leaf.detach().double() for leaf in tree_leaves(o) if isinstance(leaf, Tensor)]
        for o in (before, after)
    ]
    shapes = [[leaf.shape for leaf in leaves] for leaves in pairs]
    if shapes[0] != shapes[1]:
        return float("inf")
    relative = [
        (b - a).abs().max() / a.abs().max().clamp_min(1e-30)
        for a, b in zip(*pairs, strict=True)
        if a.numel()
    ]
    return float(torch.stack(relative).max()) if relative else 0.0


def too_far(deviation: float, tolerance: float) -> str:
    """Why a copy is not used."""
    return f"outputs for an example differ by {deviation:.2g} of the largest, more than {tolerance}"


def one_line(error: BaseException) -> str:
    """The type and first line of an error."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}".removesuffix(": ")
