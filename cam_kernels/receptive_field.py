"""The exact receptive field of a layer's units, from the network's arithmetic.

Unit (row, col) sees the input rows `row * jump + start ... + size - 1`, and so for columns.
A convolution or pooling with kernel k, stride s, padding p and dilation d changes these to
start - p jump, size + (k - 1) d jump, jump s (Araujo et al., Distill 2019, eq. 1 to 5);
where branches meet, the field is the smallest that holds them all.
"""

import operator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

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


@dataclass(frozen=True)
class ReceptiveField:
    """The input pixels that a unit sees, in (row, column) pairs."""

    start: tuple[int, int] = (0, 0)
    size: tuple[int, int] = (1, 1)
    jump: tuple[int, int] = (1, 1)

    def box(self, row: Any, col: Any) -> tuple[Any, Any, Any, Any]:
        """(top, left, bottom, right) of the field of the unit at a cell, in input pixels, the
        last two exclusive; it may reach over the input's edges.

        row, col : int, or integer arrays of one shape, which give four arrays of that shape
        """
        top, left = row * self.jump[0] + self.start[0], col * self.jump[1] + self.start[1]
        return top, left, top + self.size[0], left + self.size[1]

    def through_window(
        self,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int],
        dilation: tuple[int, int],
    ) -> "ReceptiveField":
        """The field behind one more convolution or pooling."""
        axes = (0, 1)
        return ReceptiveField(
            start=_pair(self.start[i] - padding[i] * self.jump[i] for i in axes),
            size=_pair(self.size[i] + (kernel[i] - 1) * dilation[i] * self.jump[i] for i in axes),
            jump=_pair(self.jump[i] * stride[i] for i in axes),
        )

    def union(self, other: "ReceptiveField") -> "ReceptiveField | None":
        """The smallest field that holds both; None where their strides differ."""
        if self.jump != other.jump:
            return None
        start = _pair(min(a, b) for a, b in zip(self.start, other.start, strict=True))
        end = _pair(
            max(a + p, b + q)
            for a, p, b, q in zip(self.start, self.size, other.start, other.size, strict=True)
        )
        size = _pair(e - s for e, s in zip(end, start, strict=True))
        return ReceptiveField(start, size, self.jump)


def receptive_field(model: nn.Module, target_layer: str) -> ReceptiveField | None:
    """The receptive field of the units of `target_layer`.

    None stands for the whole image: where a layer mixes all positions (attention, say), and
    where the forward cannot be traced, so that no smaller field can be claimed. A gate that is
    one number per channel (squeeze and excitation) does not count, though the pooling in it
    has seen the whole image.
    """
    try:
        graph = fx.Tracer().trace(model)
    except Exception:  # a user's forward may raise anything while it is traced
        return None
    modules = dict(model.named_modules())
    fields: dict[fx.Node, ReceptiveField | None] = {}
    pooled: set[fx.Node] = set()
    found: ReceptiveField | None = None
    for node in graph.nodes:
        module = modules.get(str(node.target)) if node.op == "call_module" else None
        sources = list(node.all_input_nodes)
        if isinstance(module, _POOLED) or (sources and all(source in pooled for source in sources)):
            pooled.add(node)
            continue
        if node.target in _PRODUCTS:
            sources = [source for source in sources if source not in pooled]
        fields[node] = _field_of(node, module, [fields.get(source) for source in sources])
        if _inside(node, target_layer):
            found = fields[node]
    return found


def _inside(node: fx.Node, layer: str) -> bool:
    stack = node.meta.get("nn_module_stack", {})
    return layer in stack or str(node.target) == layer


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


def _pair(values: Any) -> tuple[int, int]:
    first, second = values
    return first, second
