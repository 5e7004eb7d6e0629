"""Changing how activation functions pass the gradient back, in one graph and for one backward."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.autograd.function import BackwardCFunction

# Autograd's names of ReLU and of the smooth or leaky functions that stand in its place. Gates and
# squashing functions (sigmoid, tanh, softmax, GLU) are no rectifiers and keep their derivative.
_RECTIFIERS = frozenset(
    {
        "Relu", "Threshold", "LeakyRelu", "RreluWithNoise", "PreluKernel", "Elu", "Celu",
        "Softplus", "Silu", "Mish", "Gelu", "Hardswish",
    }
)  # fmt: skip
# These are ReLU or ReLU6 where their lower bound is zero: clamp(min=0), hardtanh(0, 6).
_LOWER_BOUND = {"ClampMin": "_saved_min", "Clamp": "_saved_min", "Hardtanh": "_saved_min_val"}
_NAME = re.compile(r"(\w+?)Backward\d+$")


@contextmanager
def changed_activations(
    scores: Tensor,
    *,
    before: Callable[[Tensor], Tensor] | None = None,
    instead: Callable[[Tensor], Tensor] | None = None,
) -> Iterator[None]:
    """While open, each rectifier in the graph behind `scores` passes gradients back otherwise.

    The recorded graph is what is changed, not the model, so it does not matter whether the
    forward used modules, functions or methods, in place or shared; and when the graph is
    gone nothing is left.

    Rectifiers are ReLU, ReLU6, threshold, clamp from zero, leaky, randomised and parametric
    ReLU, ELU, SELU, CELU, softplus, SiLU, Mish, GELU and Hardswish.

    scores : Tensor with a graph
    before : applied to the gradient at a rectifier's output, before its own derivative
    instead : from the gradient at the output to that at the input, in place of the derivative

    Raises: ValueError where the graph has a step whose inside cannot be seen: a custom
    autograd function, compiled or scripted code, or an in-place function on a slice.
    """
    handles = []
    try:
        for node in _nodes(scores.grad_fn):
            _refuse_opaque(node)
            if not _is_rectifier(node):
                continue
            if before is not None:
                handles.append(node.register_prehook(_at_output(before)))
            if instead is not None:
                handles.append(node.register_hook(_across(instead)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _nodes(root: Any) -> list[Any]:
    """Every node behind `root`, once each. The list keeps them alive, and so distinct."""
    found, seen = [] if root is None else [root], {root}
    for node in found:
        for successor, _ in node.next_functions:
            if successor is not None and successor not in seen:
                seen.add(successor)
                found.append(successor)
    return found


def _is_rectifier(node: Any) -> bool:
    match = _NAME.match(node.name())
    name = match.group(1) if match else ""
    if name in _RECTIFIERS:
        return True
    bound = getattr(node, _LOWER_BOUND[name]) if name in _LOWER_BOUND else None
    if isinstance(bound, Tensor):
        return bool((bound == 0).all())
    return bound == 0


def _refuse_opaque(node: Any) -> None:
    name = node.name()
    # With one input this is a unary function; with two it is a copy or a sum into the slice.
    on_slice = name.endswith("CopySlices") and len(node.next_functions) == 1
    scripted = "DifferentiableGraph" in name
    if on_slice or scripted or isinstance(node, BackwardCFunction):
        found = "a function that works in place on a slice or a view" if on_slice else repr(name)
        raise ValueError(
            f"the model's forward contains {found}, in which an activation function cannot be "
            "seen; expected a forward of ordinary, eager operations. Use the uncompiled model, "
            "and torch.relu or another of torch's own functions out of place"
        )


def _at_output(change: Callable[[Tensor], Tensor]) -> Callable[..., tuple[Tensor | None, ...]]:
    def prehook(at_outputs: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
        return tuple(None if gradient is None else change(gradient) for gradient in at_outputs)

    return prehook


def _across(change: Callable[[Tensor], Tensor]) -> Callable[..., tuple[Tensor | None, ...] | None]:
    def hook(
        at_inputs: tuple[Tensor | None, ...], at_outputs: tuple[Tensor | None, ...]
    ) -> tuple[Tensor | None, ...] | None:
        if at_inputs[0] is None or at_outputs[0] is None:
            return None
        # Further inputs are parameters, as the slope of PReLU.
        return change(at_outputs[0]), *at_inputs[1:]

    return hook
