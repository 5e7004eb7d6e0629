"""The strongest activation of each unit in each image, at the target layer and at others."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cam_kernels.layers.ceiling import Ceiling
from cam_kernels.layers.grid_layout import GridLayout
from cam_kernels.layers.target_layer import output_hook


class UnitPeaks(NamedTuple):
    """activation : Tensor, shape (N, K), float32: the largest of a unit's cells
    position : Tensor, shape (N, K), int64: its cell, row * W + col; one of them where several
        cells are as large
    """

    activation: Tensor
    position: Tensor


def unit_peaks(activations: Tensor) -> UnitPeaks:
    """The peaks of a grid of shape (N, K, H, W)."""
    return UnitPeaks(*activations.detach().float().flatten(2).max(dim=2))


@contextmanager
def watched_peaks(
    model: nn.Module,
    layouts: Mapping[str, GridLayout | None],
    ceilings: Mapping[str, Ceiling],
) -> Iterator[dict[str, list[UnitPeaks]]]:
    """While open, the peaks of each call of these layers; no activations are kept.

    layouts : by the layer's name, as of `layer_layout`
    ceilings : by the layer's name: its peaks are those that it would have without
    """
    seen: dict[str, list[UnitPeaks]] = {name: [] for name in layouts}

    def note(name: str, activations: Tensor) -> None:
        seen[name].append(unit_peaks(activations))

    def note_uncut(name: str, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        layout, (uncut,) = layouts[name], inputs
        peaks = unit_peaks(uncut if layout is None else layout.to_grid(uncut))
        least = ceilings[name].least
        seen[name].append(peaks._replace(activation=peaks.activation.clamp(min=least)))

    with ExitStack() as hooks:
        for name, layout in layouts.items():
            if name in ceilings:
                module = model.get_submodule(ceilings[name].module)
                handle = module.register_forward_pre_hook(partial(note_uncut, name))
                hooks.callback(handle.remove)
            else:
                hooks.enter_context(output_hook(model, name, partial(note, name), layout))
        yield seen


def joined_peaks(layers: Mapping[str, list[UnitPeaks]]) -> UnitPeaks:
    """The units of all layers side by side, in the order of the layers.

    Raises: ValueError for a layer that did not run exactly once.
    """
    for name, calls in layers.items():
        if len(calls) != 1:
            raise ValueError(
                f"layer {name!r} ran {len(calls)} times in one forward; expected once. "
                "Leave it out of the unit layers"
            )
    peaks = [call for (call,) in layers.values()]
    return UnitPeaks(*(torch.cat(columns, dim=1) for columns in zip(*peaks, strict=True)))


def unit_contributions(activations: Tensor, gradients: Tensor) -> Tensor:
    """Gradient x activation, summed over the cells: what each unit gives to a score.

    Behind global average pooling and one linear layer it is w_k^c times the mean activation, so
    that all units together give the logit less its bias (section 2, arXiv:1512.04150).

    activations : Tensor, shape (N, K, H, W)
    gradients : Tensor of that shape, or (N, K, 1, 1) where every cell has the same

    Returns: Tensor, shape (N, K).
    """
    if gradients.shape[2:] == (1, 1):
        return gradients[:, :, 0, 0] * activations.sum(dim=(2, 3))
    return (gradients * activations).sum(dim=(2, 3))
