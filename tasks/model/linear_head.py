"""The linear layer that makes the logits: finding it, and putting another in its place."""

import torch
from torch import Tensor, nn

from tasks.errors import AuditError


def find_linear_head(module: nn.Module, images: Tensor, name: str) -> str:
    """The name of the nn.Linear whose output is the logits.

    The structure of the code proves nothing, so the model is run once, and the layer taken that
    put out the logits, to the last bit.

    images : shape (N, 3, H, W), float32, as the model takes them
    name : of the model, for the error

    Raises: AuditError where there is no such layer.
    """
    outputs: dict[str, Tensor] = {}

    def note(layer: str) -> torch.utils.hooks.RemovableHandle:
        linear = module.get_submodule(layer)
        return linear.register_forward_hook(lambda _m, _i, output: outputs.update({layer: output}))

    linears = [n for n, part in module.named_modules() if isinstance(part, nn.Linear)]
    handles = [note(layer) for layer in linears]
    was_training = module.training
    try:
        with torch.no_grad():
            logits = module.eval()(images)
    finally:
        module.train(was_training)
        for handle in handles:
            handle.remove()
    found = [layer for layer, output in outputs.items() if _same(output, logits)]
    if not found:
        raise AuditError(
            f"{name} does not end in a linear layer whose output is its logits, so no new one can "
            "take its place; give --cam-head gap, which brings a head of its own"
        )
    return found[-1]


def with_linear_head(module: nn.Module, layer: str, num_classes: int) -> nn.Module:
    """The module with a new nn.Linear of `num_classes` outputs as its `layer`; it is changed.

    Raises: AuditError where `layer` is no linear layer of the module.
    """
    parent, _, last = layer.rpartition(".")
    try:
        old = module.get_submodule(layer)
    except AttributeError:
        old = None
    if not isinstance(old, nn.Linear):
        raise AuditError(
            f"layer {layer!r} is no linear layer of {type(module).__name__}; its code has changed "
            "since the model was trained. Bring the code back, or train again"
        )
    linear = nn.Linear(old.in_features, num_classes)
    setattr(module.get_submodule(parent), last, linear)
    return module


def linear_of(module: nn.Module, layer: str) -> nn.Linear:
    """The linear layer of this name.

    Raises: TypeError where it is none.
    """
    linear = module.get_submodule(layer)
    if not isinstance(linear, nn.Linear):
        raise TypeError(f"{layer} is {type(linear).__name__}; expected nn.Linear")
    return linear


def _same(output: Tensor, logits: object) -> bool:
    same_kind = isinstance(logits, Tensor) and output.ndim == 2 and output.shape == logits.shape
    return same_kind and torch.equal(output, logits)  # type: ignore[arg-type]
