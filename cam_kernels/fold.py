"""Folding batch norms into the convolutions before them."""

import copy
from collections import Counter
from collections.abc import Sequence

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


class NotTraceable(Exception):
    """`torch.fx` cannot trace the model's forward, so nothing in it can be put together safely."""


def fold_batch_norms(model: nn.Module, intact: Sequence[str] = ()) -> nn.Module:
    """A copy of `model` in which each batch norm that directly follows a convolution is part
    of it: w' = w gamma / sqrt(var + eps), b' = (b - mean) gamma / sqrt(var + eps) + beta.

    The copy keeps the module hierarchy and the forward code of the original, so that layers
    are found by the same names; a folded batch norm becomes `nn.Identity`. Outputs agree up
    to rounding.

    model : nn.Module in eval mode
    intact : names of layers whose own outputs must stay what they were: a batch norm outside of
        one is not folded into a convolution inside of it

    Raises: NotTraceable where `torch.fx` cannot trace the forward.
    """
    pairs = _foldable_pairs(model)
    folded = copy.deepcopy(model)
    for conv_name, norm_name in pairs:
        if any(_within(conv_name, kept) and not _within(norm_name, kept) for kept in intact):
            continue
        fused = fuse_conv_bn_eval(
            folded.get_submodule(conv_name),  # type: ignore[type-var]
            folded.get_submodule(norm_name),  # type: ignore[arg-type]
        )
        folded.set_submodule(conv_name, fused)
        folded.set_submodule(norm_name, nn.Identity())
    return folded


def has_batch_norms(model: nn.Module) -> bool:
    """Whether there is anything to fold."""
    return any(isinstance(module, _BATCH_NORMS) for module in model.modules())


def _within(name: str, layer: str) -> bool:
    return name == layer or name.startswith(f"{layer}.")


def _foldable_pairs(model: nn.Module) -> list[tuple[str, str]]:
    try:
        graph = fx.Tracer().trace(model)
    except Exception as error:  # a user's forward may raise anything while it is traced
        raise NotTraceable(f"{type(error).__name__}: {error}") from error
    modules = dict(model.named_modules())
    names = Counter(id(module) for _, module in model.named_modules(remove_duplicate=False))
    calls = Counter(str(node.target) for node in graph.nodes if node.op == "call_module")
    pairs = []
    for norm in graph.nodes:
        if norm.op != "call_module" or type(modules[str(norm.target)]) not in _BATCH_NORMS:
            continue
        conv = norm.args[0] if norm.args else None
        # A module under two names, or called twice, is not ours to replace.
        if (
            isinstance(conv, fx.Node)
            and conv.op == "call_module"
            and type(modules[str(conv.target)]) in _CONVOLUTIONS
            and len(conv.users) == 1
            and calls[str(conv.target)] == calls[str(norm.target)] == 1
            and names[id(modules[str(conv.target)])] == names[id(modules[str(norm.target)])] == 1
            and getattr(modules[str(norm.target)], "running_mean", None) is not None
        ):
            pairs.append((str(conv.target), str(norm.target)))
    return pairs
