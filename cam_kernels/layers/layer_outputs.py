"""Seeing, and exchanging, what a model's layers put out."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
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
