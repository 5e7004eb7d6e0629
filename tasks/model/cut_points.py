"""Where a network can be cut in two: the values through which all later ones are computed."""

import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torchvision.models.feature_extraction import NodePathTracer

from cam_kernels.layers.grid_layout import GridLayout
from cam_kernels.layers.layout_evidence import corner_changed, proven_layout
from tasks.model.graph_values import KeptValues, SeenValues, seen_values, traced

# What finds nothing: a linear map without its norm and nonlinearity, dropout, pooling to a size.
_UNSETTLED = (
    nn.Conv2d, nn.Linear, nn.Dropout, nn.Dropout2d, nn.Identity, nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
)  # fmt: skip
_UNSETTLED_FUNCTIONS = {
    F.conv2d, F.linear, F.dropout, F.dropout2d, F.adaptive_avg_pool2d, F.adaptive_max_pool2d,
}  # fmt: skip


@dataclass(frozen=True)
class CutPoint:
    """A value with a grid of cells, all that later layers get of the images.

    names : of the modules that end with it and of the operation itself, the outermost first
    settled : behind its norm and nonlinearity, and not the classifier's maps, one per class
    """

    names: tuple[str, ...]
    layout: GridLayout
    settled: bool


@dataclass(frozen=True)
class CutPoints:
    """points : in the order in which they are computed
    names : every name of the graph, whether a point or not
    """

    points: tuple[CutPoint, ...]
    names: frozenset[str]


def find_cut_points(module: nn.Module, images: Tensor) -> CutPoints:
    """The cut points of a network in eval mode, from its graph and one forward or two.

    images : Tensor, shape (N, C, H, W), as the module takes them

    Raises: AuditError where the graph cannot be traced or the images do not fit.
    """
    copied = copy.deepcopy(module).eval()  # tracing and running must not change the caller's
    tracer, graph = traced(copied)
    seen = seen_values(copied, graph, images)
    nodes = [node for node in _bridges(graph, seen.of_images) if node in seen.readings]
    layouts = _layouts(copied, graph, images, nodes, seen)
    names = _names(tracer)
    points = [
        CutPoint(names[node], layouts[node], _settles(copied, node, seen))
        for node in nodes
        if layouts[node].rows * layouts[node].cols > 1
    ]
    return CutPoints(tuple(points), frozenset(name for own in names.values() for name in own))


def _bridges(graph: fx.Graph, of_images: set[fx.Node]) -> list[fx.Node]:
    """The nodes over which no value passes from before to behind."""
    order = {node: place for place, node in enumerate(graph.nodes)}
    needed = _ancestors(next(node for node in graph.nodes if node.op == "output"))
    found, furthest = [], 0
    for node, place in order.items():
        if node not in needed or node not in of_images:
            continue
        if furthest <= place:
            found.append(node)
        users = [order[user] for user in node.users if user in needed or user.op == "output"]
        furthest = max(furthest, *users)
    return found


def _ancestors(node: fx.Node) -> set[fx.Node]:
    found: set[fx.Node] = set()
    waiting = [node]
    while waiting:
        new = set(waiting.pop().all_input_nodes) - found
        found |= new
        waiting += new
    return found


def _layouts(
    module: nn.Module, graph: fx.Graph, images: Tensor, nodes: list[fx.Node], seen: SeenValues
) -> dict[fx.Node, GridLayout]:
    """The layout of each node's value; where its shape leaves two, by a second forward."""
    layouts = {node: seen.readings[node][0] for node in nodes}
    unsure = {node for node in nodes if len(seen.readings[node]) > 1}
    if unsure:
        kept = [KeptValues(module, graph, unsure) for _ in range(2)]
        with torch.no_grad():
            for values, batch in zip(kept, (images, corner_changed(images)), strict=True):
                values.run(batch)
        for node in unsure:
            before, after = (values.kept[node] for values in kept)
            layouts[node] = proven_layout(seen.readings[node], before, after)
    return layouts


def _settles(module: nn.Module, node: fx.Node, seen: SeenValues) -> bool:
    if node.op == "call_module":
        unsettled = isinstance(module.get_submodule(str(node.target)), _UNSETTLED)
    else:
        unsettled = node.target in _UNSETTLED_FUNCTIONS
    return not unsettled and not any(
        isinstance(seen.logits, Tensor)
        and pooled.shape == seen.logits.shape
        and torch.allclose(pooled, seen.logits, rtol=1e-4, atol=1e-6)
        for pooled in seen.pooled.get(node, ())
    )


def _names(tracer: NodePathTracer) -> dict[fx.Node, tuple[str, ...]]:
    """Of each node, the names by which torchvision's feature extractor finds it."""
    last: dict[str, fx.Node] = {}
    for node, name in tracer.node_to_qualname.items():
        parts = name.split(".")
        last |= {".".join(parts[:length]): node for length in range(1, len(parts) + 1)}
    names: dict[fx.Node, tuple[str, ...]] = dict.fromkeys(tracer.node_to_qualname, ())
    for name, node in sorted(last.items(), key=lambda item: item[0].count(".")):
        names[node] += (name,)
    return names
