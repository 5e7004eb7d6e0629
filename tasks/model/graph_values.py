"""A network's graph, and what its values are for some images."""

from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils._pytree import tree_leaves
from torchvision.models.feature_extraction import NodePathTracer

from cam_kernels.layers.grid_layout import GridLayout
from cam_kernels.layers.layout_evidence import LayoutReader
from tasks.errors import AuditError


def tracer_options(module: nn.Module) -> dict[str, Any]:
    """What torchvision's tracer must not look into: what timm marks so, for a network of timm."""
    if not any(type(part).__module__.startswith("timm.") for part in module.modules()):
        return {}
    from timm.layers import get_notrace_functions, get_notrace_modules

    return {
        "leaf_modules": get_notrace_modules(),
        "autowrap_functions": tuple(f for f in get_notrace_functions() if callable(f)),
    }


def traced(module: nn.Module) -> tuple[NodePathTracer, fx.Graph]:
    """The graph of a module in its present mode, and the tracer, which knows its nodes' names.

    Raises: AuditError where it cannot be traced.
    """
    tracer = NodePathTracer(**tracer_options(module))
    try:
        return tracer, tracer.trace(module)
    except Exception as error:  # a forward may raise anything while it is traced
        raise AuditError(
            f"{type(module).__name__} cannot be traced by torch.fx, so it cannot be cut: "
            f"{type(error).__name__}: {error}. Leave --cam-head out, or choose a network of "
            "torchvision or timm whose forward does not depend on its input's values"
        ) from error


class SeenValues(fx.Interpreter):
    """Runs a graph in eval mode and keeps what is to be known of each value.

    of_images : nodes with tensors that were computed from the images
    readings : the layouts that a value can have, for those that have one
    pooled : mean and maximum over everything behind the second axis, shape (N, K) each
    logits : the output
    """

    def __init__(self, module: nn.Module, graph: fx.Graph, images: Tensor) -> None:
        super().__init__(module, graph=graph)
        self._reader = LayoutReader(images)
        self.of_images: set[fx.Node] = set()
        self.readings: dict[fx.Node, list[GridLayout]] = {}
        self.pooled: dict[fx.Node, tuple[Tensor, Tensor]] = {}
        self.logits: Any = None

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n.op == "output":
            self.logits = value
        elif n.op == "placeholder":
            self.of_images.add(n)
        elif any(source in self.of_images for source in n.all_input_nodes) and _has_tensor(value):
            self.of_images.add(n)
            readings = self._reader.read(value)
            if readings:
                self.readings[n] = readings
                cells = value.flatten(2)
                self.pooled[n] = cells.mean(dim=2), cells.amax(dim=2)
        return value


def _has_tensor(value: Any) -> bool:
    """Whether a value is more than a size or the like, which tells nothing of the images."""
    return any(isinstance(leaf, Tensor) for leaf in tree_leaves(value))


class KeptValues(fx.Interpreter):
    """Runs a graph and keeps the values of some nodes."""

    def __init__(self, module: nn.Module, graph: fx.Graph, wanted: set[fx.Node]) -> None:
        super().__init__(module, graph=graph)
        self._wanted = wanted
        self.kept: dict[fx.Node, Tensor] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n in self._wanted:
            self.kept[n] = value.clone()  # what follows may work in place
        return value


def seen_values(module: nn.Module, graph: fx.Graph, images: Tensor) -> SeenValues:
    """What one forward of `images`, shape (N, C, H, W), shows.

    Raises: AuditError where the forward fails.
    """
    seen = SeenValues(module, graph, images)
    try:
        with torch.no_grad():
            seen.run(images)
    except Exception as error:  # a forward may raise anything
        raise AuditError(
            f"{type(module).__name__} fails on an input of {tuple(images.shape)}: "
            f"{type(error).__name__}: {error}. Give the --crop that it was trained with"
        ) from error
    return seen
