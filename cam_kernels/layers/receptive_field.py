"""The exact receptive field of each layer's units, from one trace of the network."""

import operator
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

from cam_kernels.layers.field_arithmetic import ReceptiveField

__all__ = ["ReceptiveField", "receptive_field", "receptive_fields"]

_WINDOWS = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
_POINTWISE = (
    nn.BatchNorm2d, nn.Identity, nn.Dropout, nn.Dropout2d, nn.ReLU, nn.ReLU6, nn.LeakyReLU,
    nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.PReLU, nn.Sigmoid, nn.Tanh, nn.Softplus,
    nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh,
)  # fmt: skip
_POOLED = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
_POINTWISE_FUNCTIONS = {
    torch.relu, F.relu, F.relu6, F.silu, F.gelu, F.hardswish, F.hardsigmoid, F.leaky_relu,
    F.dropout, torch.sigmoid, torch.tanh, torch.add, torch.mul, torch.cat,
    operator.add, operator.iadd, operator.mul, operator.imul,
}  # fmt: skip
_PRODUCTS = {torch.mul, operator.mul, operator.imul, "mul", "mul_"}  # how a gate is applied
_POINTWISE_METHODS = {"relu", "relu_", "add", "add_", "mul", "mul_", "sigmoid", "contiguous"}


def receptive_field(model: nn.Module, target_layer: str) -> ReceptiveField | None:
    """The receptive field of the units of `target_layer`; None as in `receptive_fields`, and
    for a layer that is not there.
    """
    return receptive_fields(model).get(target_layer)


def receptive_fields(model: nn.Module) -> dict[str, ReceptiveField | None]:
    """The receptive field of the units of every layer, by the layer's name; of a layer that is
    called more than once, that of its last call.

    None stands for the whole image: where a layer mixes all positions (attention, say), and
    where the forward cannot be traced, so that no smaller field can be claimed. A gate that is
    one number per channel (squeeze and excitation) does not count, though the pooling in it
    has seen the whole image.
    """
    modules = dict(model.named_modules())
    found: dict[str, ReceptiveField | None] = dict.fromkeys(modules)
    try:
        graph = fx.Tracer().trace(model)
    except Exception:  # a user's forward may raise anything while it is traced
        return found
    fields: dict[fx.Node, ReceptiveField | None] = {}
    pooled: set[fx.Node] = set()
    for node in graph.nodes:
        module = modules.get(str(node.target)) if node.op == "call_module" else None
        sources = list(node.all_input_nodes)
        if isinstance(module, _POOLED) or (sources and all(source in pooled for source in sources)):
            pooled.add(node)
        else:
            if node.target in _PRODUCTS:
                sources = [source for source in sources if source not in pooled]
            fields[node] = _field_of(node, module, [fields.get(source) for source in sources])
        found |= dict.fromkeys(_layers_around(node), fields.get(node))
    return found


def _layers_around(node: fx.Node) -> set[str]:
    """The layer that a node calls, and the layers in whose forward it stands."""
    # The stack's keys tell one call of a layer from the next; its values name the layer.
    stack = {name for name, _ in node.meta.get("nn_module_stack", {}).values()}
    return stack | {str(node.target)} if node.op == "call_module" else stack


def _field_of(
    node: fx.Node, module: nn.Module | None, sources: list[ReceptiveField | None]
) -> ReceptiveField | None:
    if node.op == "placeholder":
        return ReceptiveField()
    if not sources or any(source is None for source in sources):
        return None
    field = sources[0]
    for source in sources[1:]:
        field = field.union(source) if field and source else None
    if field is None:
        return None
    if isinstance(module, _WINDOWS):
        return _through_module(field, module)
    if node.target in (F.max_pool2d, F.avg_pool2d):
        return _through_function(field, node)
    pointwise = (
        isinstance(module, _POINTWISE)
        or node.target in _POINTWISE_FUNCTIONS
        or (node.op == "call_method" and node.target in _POINTWISE_METHODS)
        or getattr(node.target, "__name__", "") == "stochastic_depth"
    )
    return field if pointwise else None


def _through_module(field: ReceptiveField, module: Any) -> ReceptiveField | None:
    kernel, stride = _both(module.kernel_size), _both(module.stride)
    if isinstance(module.padding, str):
        return None
    return field.through_window(
        kernel, stride, _both(module.padding), _both(getattr(module, "dilation", 1))
    )


def _through_function(field: ReceptiveField, node: fx.Node) -> ReceptiveField:
    def argument(position: int, name: str, default: Any) -> Any:
        given = node.args[position] if len(node.args) > position else node.kwargs.get(name)
        return default if given is None else given

    kernel = _both(argument(1, "kernel_size", None))
    stride = _both(argument(2, "stride", kernel))
    dilation = argument(4, "dilation", 1) if node.target is F.max_pool2d else 1
    return field.through_window(kernel, stride, _both(argument(3, "padding", 0)), _both(dilation))


def _both(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
