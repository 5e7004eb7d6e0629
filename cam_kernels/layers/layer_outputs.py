"""Seeing, and exchanging, what a model's layers put out."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches
from functools import partial
from typing import Any

from torch import Tensor, nn

# What a hook gets: the layer's name, the layer, its inputs, its output.
Act = Callable[[str, nn.Module, tuple[Any, ...], Any], Tensor | None]


@contextmanager
def every_output(model: nn.Module, act: Act) -> Iterator[None]:
    """While open, `act` sees each output of each layer and may return one in its place."""
    with ExitStack() as hooks:
        for name, module in model.named_modules():
            if name:
                hooks.callback(module.register_forward_hook(partial(act, name)).remove)
        yield


def known_layer(name: str, model: nn.Module) -> str:
    """The name itself.

    Raises: ValueError where the model has no layer of that name; tells the closest ones.
    """
    names = [known for known, _ in model.named_modules() if known]
    if name not in names:
        closest = ", ".join(repr(n) for n in get_close_matches(name, names, n=3, cutoff=0.4))
        raise ValueError(f"layer {name!r} is not in the model; closest: {closest or 'none'}")
    return name
