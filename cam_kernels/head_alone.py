"""The part of a network behind a layer, to be run without the part before it."""

import torch
from torch import Tensor, fx, nn


class _Tracer(fx.Tracer):
    """Passes over the target layer as a whole."""

    def __init__(self, layer: str) -> None:
        super().__init__()
        self._layer = layer

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        inside = super().is_leaf_module(m, module_qualified_name)
        return module_qualified_name == self._layer or inside


def head_alone(
    model: nn.Module, target_layer: str, layer_output: Tensor, model_output: Tensor
) -> nn.Module | None:
    """A module from the layer's output to the model's, or None where there is none: where the
    forward cannot be traced, or uses more of the trunk than this layer (a skip connection).

    layer_output, model_output : what the two put out for the same images; the head must
        reproduce the second from the first
    """
    try:
        graph = _Tracer(target_layer).trace(model)
        head = fx.GraphModule(model, _behind(graph, target_layer))
        with torch.no_grad():
            again = head(layer_output.clone())
        return head if torch.allclose(again, model_output, rtol=1e-4, atol=1e-5) else None
    except Exception:  # a user's forward may raise anything, and so may a part of it
        return None


def _behind(graph: fx.Graph, layer: str) -> fx.Graph:
    (cut,) = (n for n in graph.nodes if n.op == "call_module" and n.target == layer)
    with graph.inserting_before(next(iter(graph.nodes))):
        start = graph.placeholder("layer_output")
    cut.replace_all_uses_with(start)
    needed = _ancestors(next(n for n in graph.nodes if n.op == "output"))
    for node in reversed(list(graph.nodes)):
        if node not in needed and node is not start:
            graph.erase_node(node)
    return graph


def _ancestors(node: fx.Node) -> set[fx.Node]:
    found, waiting = {node}, [node]
    while waiting:
        new = set(waiting.pop().all_input_nodes) - found
        found |= new
        waiting += new
    return found
