"""The output of one layer, at no more cost than the layers before it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from cam_kernels.layers.grid_layout import GridLayout


class _LayerReached(Exception):
    """Ends a forward; `owner` tells whose it was, so that nested ones never mix."""

    def __init__(self, owner: object, output: Any) -> None:
        super().__init__("the forward ends here on purpose")
        self.owner, self.output = owner, output


@contextmanager
def forward_ends_at(model: nn.Module, target_layer: str) -> Iterator[object]:
    """While open, a forward of `model` ends with `_LayerReached` once `target_layer` is done."""
    owner = object()

    def end(_module: nn.Module, _inputs: Any, output: Any) -> None:
        raise _LayerReached(owner, output)

    handle = model.get_submodule(target_layer).register_forward_hook(end)
    try:
        yield owner
    finally:
        handle.remove()


def layer_output(
    model: nn.Module, target_layer: str | None, images: Tensor, layout: GridLayout | None = None
) -> Tensor:
    """What `target_layer` puts out for `images`; the layers after it are not run.

    target_layer : name of a module of `model`; None for the logits. Of a layer that is run
        more than once, the first output counts
    images : Tensor, shape (N, C, H, W), as the model takes them
    layout : how the layer's output holds its grid; None for (N, K, H, W) and (N, features)

    Returns: Tensor, shape (N, K, H, W) or (N, features).

    Raises: ValueError for a layer with an output of another form, and for one that the forward
    does not run; AttributeError for one that the model has not.
    """
    if target_layer is None:
        return _checked(model(images), "the model", len(images))
    with forward_ends_at(model, target_layer) as owner:
        try:
            model(images)
        except _LayerReached as reached:
            if reached.owner is not owner:
                raise
            if layout is not None:
                return layout.to_grid(reached.output)
            return _checked(reached.output, f"layer {target_layer!r}", len(images))
    raise ValueError(f"layer {target_layer!r} is not run by the model's forward")


def _checked(output: object, what: str, batch: int) -> Tensor:
    if not isinstance(output, Tensor):
        raise ValueError(
            f"{what} puts out {type(output).__name__}; expected one tensor of shape "
            "(N, channels, rows, cols) or (N, features)"
        )
    if output.ndim not in (2, 4) or output.shape[0] != batch:
        raise ValueError(
            f"{what} puts out a tensor of shape {tuple(output.shape)} for {batch} images; "
            "expected (N, channels, rows, cols) or (N, features)"
        )
    return output
