"""Which layers have a spatial grid, and which of them to explain."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

# Modules that only pass on, pool or drop what the layer before them found.
_PASS_ON = (
    nn.Dropout,
    nn.Dropout2d,
    nn.Identity,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
)


@dataclass(frozen=True)
class SpatialLayer:
    """A layer whose output is a grid of units: shape (N, channels, rows, cols)."""

    name: str
    kind: str
    channels: int
    rows: int
    cols: int


@contextmanager
def output_hook(model: nn.Module, name: str, act: Callable[[Any], Tensor | None]) -> Iterator[None]:
    """While open, `act` sees each output of layer `name` and may return one in its place."""
    handle = model.get_submodule(name).register_forward_hook(lambda _m, _i, output: act(output))
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
    layers: list[SpatialLayer] = []
    handles = []

    def watch(name: str, module: nn.Module) -> None:
        def record(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2:].numel() > 1:
                channels, rows, cols = output.shape[1:]
                layers.append(SpatialLayer(name, type(module).__name__, channels, rows, cols))

        handles.append(module.register_forward_hook(record))

    for name, module in model.named_modules():
        if name:
            watch(name, module)
    try:
        with torch.no_grad():
            output = model(images)
    finally:
        for handle in handles:
            handle.remove()
    return layers, _number_of_classes(output, len(images))


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


def default_target_layer(layers: list[SpatialLayer], num_classes: int, model: nn.Module) -> str:
    """The last layer with a grid, as Grad-CAM advises (section 3, arXiv:1610.02391).

    Pooling, dropout and identity are passed over, and so are layers with one channel per
    class, which are the classifier's own maps (as SqueezeNet has them).

    Raises: ValueError where no layer qualifies.
    """
    for layer in reversed(layers):
        passes_on = isinstance(model.get_submodule(layer.name), _PASS_ON)
        if not passes_on and layer.channels != num_classes:
            return layer.name
    raise ValueError(
        "no layer of the model puts out a grid of shape (N, channels, rows, cols); "
        "expected at least one convolutional layer before the pooling"
    )
