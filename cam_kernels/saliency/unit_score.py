"""The activation of a unit as the score, where a picture starts from within the model."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from cam_kernels.layers.grid_layout import GridLayout
from cam_kernels.layers.target_layer import output_hook
from cam_kernels.saliency.score_gradient import Score


@contextmanager
def unit_score(
    model: nn.Module, target_layer: str, unit: int, layout: GridLayout | None = None
) -> Iterator[Score]:
    """While open, a score function: the largest activation of one unit over its grid.

    Its gradient starts at that one position, all others zero, as the pictures of
    arXiv:1311.2901 do (the first of equals). It reads the model's last forward, so with
    `smoothgrad` pass images_per_forward=1.

    target_layer : name of a layer whose output is a grid, which runs once in a forward
    unit : in [0, K)
    layout : that of the layer's output; None for (N, K, H, W)

    Raises (when the score is asked for): ValueError where the layer ran another number of times,
    has another kind of output, or has no such unit.
    """
    seen: list[Tensor] = []

    def keep(output: Tensor) -> None:
        seen.append(output.clone())  # what follows may work in place

    def score(_output: object) -> Tensor:
        outputs = seen.copy()
        seen.clear()
        if len(outputs) != 1:
            raise ValueError(
                f"layer {target_layer!r} ran {len(outputs)} times in one forward; expected once. "
                "Choose a layer that is not shared"
            )
        activations = outputs[0]
        if activations.ndim != 4 or not 0 <= unit < activations.shape[1]:
            raise ValueError(
                f"layer {target_layer!r} puts out shape {tuple(activations.shape)}; expected "
                f"(N, units, rows, cols) with a unit {unit}. Choose another layer or unit"
            )
        return activations[:, unit].flatten(1).max(dim=1).values

    with output_hook(model, target_layer, keep, layout):
        yield score
