"""Running a network's convolutions and matrix products in half precision."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cam_kernels.layers.layer_outputs import every_output
from cam_kernels.layers.replaced_forward import replaced_forward
from cam_kernels.methods.precision import widened


@dataclass(frozen=True)
class HalfPrecision:
    """Autocast for all of a network but the layer that makes the logits.

    Logits of 8 bits would tie: of two classes at 12.03 and 12.05 the first by index would be
    predicted, with a margin of 0.

    dtype : of the products, torch.bfloat16 or torch.float16
    logits_layer : name of the linear layer that stays in float32; None where there is none
    """

    dtype: torch.dtype
    logits_layer: str | None

    @contextmanager
    def in_use(self, model: nn.Module, device: torch.device) -> Iterator[None]:
        """While open, `model` runs so."""
        with torch.autocast(device.type, self.dtype):
            if self.logits_layer is None:
                yield
                return
            layer = model.get_submodule(self.logits_layer)
            with replaced_forward(layer, _in_float32(layer.forward, device)):
                yield


def half_precision(model: nn.Module, images: Tensor, dtype: torch.dtype) -> HalfPrecision:
    """For this model, whose logits layer is found by its output in one forward.

    images : Tensor, shape (N, C, H, W), as the model takes them
    """
    made: dict[str, Tensor] = {}

    def note(name: str, module: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(module, nn.Linear):
            made[name] = output.clone()  # what follows may work in place

    with torch.no_grad(), every_output(model, note):
        result = model(images)
    same = [
        name
        for name, output in made.items()
        if isinstance(result, Tensor) and torch.equal(output, result)
    ]
    return HalfPrecision(dtype, same[-1] if same else None)


def _in_float32(forward: Callable[[Tensor], Tensor], device: torch.device) -> Callable[..., Tensor]:
    def run(inputs: Tensor) -> Tensor:
        with torch.autocast(device.type, enabled=False):
            return forward(widened(inputs))

    return run
