"""What each layer of a network holds and computes, seen by running it once.

Multiply-adds are half of the FLOPs of `torch.utils.flop_counter`: convolutions, linear layers,
matrix products and attention count; sums, activations, norms and pooling do not, as usual.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from cam_kernels.layers.layer_watch import LayerRun, Shape, watch_forward

# Their weights are looked up or scale values one by one: no product is left uncounted.
_NO_PRODUCTS = {"Embedding", "EmbeddingBag", "LayerNorm", "RMSNorm"}


@dataclass(frozen=True)
class LayerCost:
    """A layer that computes something or holds parameters of its own.

    name : as in `named_modules`; empty for the model itself
    output_shapes : of each call, without the batch; of several tensors, the first; None for a
        call that gave no tensor. Empty for a layer that was never called
    parameters : its own, and those of layers in it that it uses without calling them
    multiply_adds : per image, over all calls; None where its weights are in a product that
        the counter does not know (nn.LSTM, nn.Bilinear, deformable convolution)
    """

    name: str
    kind: str
    output_shapes: tuple[Shape | None, ...]
    parameters: int
    multiply_adds: int | None


@dataclass(frozen=True)
class NetworkCost:
    """The layers in the order of their first calls, those never called last, and the totals.

    parameters : each counted once, however many layers share it
    multiply_adds : per image, over all operators that are counted
    """

    layers: tuple[LayerCost, ...]
    parameters: int
    multiply_adds: int


def layer_costs(model: nn.Module, images: Tensor) -> NetworkCost:
    """Shapes, parameters and multiply-adds of each layer, from one forward in eval mode.

    The model is left as it was. A container is listed only where it computes something itself
    or holds a parameter. A layer that multiplies by the weights of layers in it without calling
    them, as nn.MultiheadAttention does, is given their parameters. Work that is done once for
    a whole batch is shared among its images.

    images : Tensor, shape (N, C, H, W), as the model takes them

    Raises: whatever the model's forward raises.
    """
    runs = watch_forward(model, images)
    return NetworkCost(
        layers=tuple(_layers(dict(model.named_modules()), runs, len(images))),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        multiply_adds=_multiply_adds(sum(run.flops for run in runs.values()), len(images)),
    )


def _layers(
    modules: dict[str, nn.Module], runs: dict[str, LayerRun], batch: int
) -> Iterator[LayerCost]:
    own = _own_parameters(modules, runs)
    for name, run in runs.items():
        if own[name] or run.flops or not run.calls_others:
            module = modules[name]
            shapes = tuple(_without_batch(shape, batch) for shape in run.shapes)
            counted = None if _is_unknown(module, run) else _multiply_adds(run.flops, batch)
            yield LayerCost(name, _kind(module), shapes, own[name], counted)
    for name, module in modules.items():
        if name not in runs and own[name]:
            yield LayerCost(name, _kind(module), (), own[name], 0)


def _own_parameters(modules: dict[str, nn.Module], runs: dict[str, LayerRun]) -> dict[str, int]:
    own = {
        name: sum(parameter.numel() for parameter in module.parameters(recurse=False))
        for name, module in modules.items()
    }
    for name in modules.keys() - runs.keys():
        user = next((container for container in _containers(name) if container in runs), None)
        if user is not None and runs[user].flops:
            own[user], own[name] = own[user] + own[name], 0
    return own


def _containers(name: str) -> Iterator[str]:
    """The names of the modules around one, the innermost first."""
    while name:
        name = name.rpartition(".")[0]
        yield name


def _is_unknown(module: nn.Module, run: LayerRun) -> bool:
    has_matrix = any(
        parameter.ndim > 1 and name.startswith("weight")
        for name, parameter in module.named_parameters(recurse=False)
    )
    return has_matrix and run.flops == 0 and _kind(module) not in _NO_PRODUCTS


def _multiply_adds(flops: int, batch: int) -> int:
    return flops // (2 * batch)


def _kind(module: nn.Module) -> str:
    # A layer of an exported program remembers the class that it was exported from.
    exported: Any = getattr(module, "type_name", None)
    stated = exported() if callable(exported) else None
    return stated.rpartition(".")[2] if isinstance(stated, str) else type(module).__name__


def _without_batch(shape: Shape | None, batch: int) -> Shape | None:
    if shape is None:
        return None
    if batch in shape[:2]:  # the second where sequences come first: (length, N, channels)
        axis = shape.index(batch)
        return shape[:axis] + shape[axis + 1 :]
    windows = bool(shape) and shape[0] % batch == 0  # those of all images, one after another
    return (shape[0] // batch, *shape[1:]) if windows else shape
