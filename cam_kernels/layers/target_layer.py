"""Which layers have a spatial grid, and hooks on one of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from cam_kernels.layers.grid_layout import GridLayout
from cam_kernels.layers.layer_outputs import every_output
from cam_kernels.layers.layout_evidence import LayoutReader, corner_changed, proven_layout


@dataclass(frozen=True)
class SpatialLayer:
    """A layer whose output is a grid of units: `channels` at each of rows x cols cells."""

    name: str
    kind: str
    layout: GridLayout

    @property
    def channels(self) -> int:
        return self.layout.channels

    @property
    def rows(self) -> int:
        return self.layout.rows

    @property
    def cols(self) -> int:
        return self.layout.cols


@contextmanager
def output_hook(
    model: nn.Module,
    name: str,
    act: Callable[[Any], Tensor | None],
    layout: GridLayout | None = None,
) -> Iterator[None]:
    """While open, `act` sees each output of layer `name` and may return one in its place.

    layout : that of the layer's output: `act` then sees and returns grids, shape (N, K, H, W),
        and the model goes on with its own layout; None: `act` sees the output as it is

    Raises: ValueError, in the forward, where the output is not of this layout.
    """

    def on_output(_module: nn.Module, _inputs: Any, output: Any) -> Tensor | None:
        if layout is None:
            return act(output)
        grid = act(layout.to_grid(output))
        return None if grid is None else layout.from_grid(grid, output)

    handle = model.get_submodule(name).register_forward_hook(on_output)
    try:
        yield
    finally:
        handle.remove()


def spatial_layers(model: nn.Module, images: Tensor) -> tuple[list[SpatialLayer], int]:
    """The layers with a grid of more than one cell, in the order in which they finish, and
    the number of classes.

    Of a container and its last child, which put out the same tensor, both are listed.

    images : Tensor, shape (N, C, H, W), as the model takes them

    Raises: ValueError where the model's output is not one tensor of shape (N, classes).
    """
    layers, _, output = _observed(model, images)
    return [at for at in layers if at.rows * at.cols > 1], _number_of_classes(output, len(images))


def layer_layout(model: nn.Module, target_layer: str, images: Tensor) -> GridLayout | None:
    """The layout of one layer's output; None where the layer does not run.

    images : Tensor, shape (N, C, H, W), as the model takes them

    Raises: ValueError where the output is no grid.
    """
    layers, others, _ = _observed(model, images)
    for layer in layers:
        if layer.name == target_layer:
            return layer.layout
    if target_layer in others:
        raise ValueError(
            f"layer {target_layer!r} puts out {others[target_layer]}, which is no grid; expected "
            "a tensor of shape (N, channels, rows, cols), (N, rows, cols, channels) or "
            "(N, tokens, channels) with one token per cell. Choose another layer"
        )
    return None


def _observed(
    model: nn.Module, images: Tensor
) -> tuple[list[SpatialLayer], dict[str, str], object]:
    """The layers with a grid, what the others put out, and the model's output."""
    reader = LayoutReader(images)
    layers: list[SpatialLayer] = []
    others: dict[str, str] = {}
    unsure: dict[str, tuple[list[GridLayout], Tensor]] = {}

    def record(name: str, module: nn.Module, _inputs: Any, output: Any) -> None:
        readings = reader.read(output)
        if not readings:
            tensor = isinstance(output, Tensor)
            others[name] = (
                f"a tensor of shape {tuple(output.shape)}"
                if tensor
                else f"a {type(output).__name__}"
            )
            return
        layers.append(SpatialLayer(name, type(module).__name__, readings[0]))
        if len(readings) > 1:
            unsure[name] = readings, output.clone()

    with torch.no_grad(), every_output(model, record):
        result = model(images)
    proven = _proven(model, images, unsure) if unsure else {}
    layers = [replace(at, layout=proven.get(at.name, at.layout)) for at in layers]
    return layers, others, result


def _proven(
    model: nn.Module, images: Tensor, unsure: dict[str, tuple[list[GridLayout], Tensor]]
) -> dict[str, GridLayout]:
    proven: dict[str, GridLayout] = {}

    def compare(name: str, _module: nn.Module, _inputs: Any, output: Any) -> None:
        if name in unsure:
            readings, before = unsure[name]
            if before.shape == output.shape:
                proven[name] = proven_layout(readings, before, output)

    with torch.no_grad(), every_output(model, compare):
        model(corner_changed(images))
    return proven


def _number_of_classes(output: object, batch: int) -> int:
    if not isinstance(output, Tensor):
        raise ValueError(
            f"the model returns {type(output).__name__}; expected one tensor of logits of "
            "shape (N, classes). Wrap it in a module that returns the logits alone"
        )
    if output.ndim != 2 or output.shape[0] != batch or output.shape[1] < 2:
        raise ValueError(
            f"the model returns a tensor of shape {tuple(output.shape)} for {batch} images; "
            "expected logits of shape (N, classes) with at least two classes"
        )
    return output.shape[1]
