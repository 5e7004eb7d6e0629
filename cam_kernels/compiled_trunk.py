"""Compiling what precedes a target layer, in parts that no hook looks into."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn

from cam_kernels.layers.replaced_forward import replaced_forward

_CODE_LIMIT = 128  # compiled variants of one piece of code: blocks of a class share theirs


class CompiledTrunk:
    """Modules of a network whose forwards are compiled, each as a whole, without gradients.

    model : nn.Module, its parameters frozen; it is not changed
    names : modules of it, none inside another; hooks inside of them would not be called
    """

    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        self._modules = [model.get_submodule(name) for name in names]
        self._forwards = [_compiled(module) for module in self._modules]

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """While open, the modules run compiled; only now, so that tracers and copies never meet
        what they cannot read."""
        with ExitStack() as stack:
            for module, forward in zip(self._modules, self._forwards, strict=True):
                stack.enter_context(replaced_forward(module, forward))
            yield

    @contextmanager
    def compiling(self) -> Iterator[None]:
        """The same for the first forward of images of one size, which compiles for them.

        Code of one class is compiled once per module; by default the ninth would stay eager.
        """
        limit = max(_CODE_LIMIT, 2 * len(self._modules))
        with torch._dynamo.config.patch(recompile_limit=limit), self.in_use():
            yield


def _compiled(module: nn.Module) -> Callable[..., Any]:
    compiled: Callable[..., Any] = torch.compile(module.forward, dynamic=False)
    return torch.no_grad()(compiled)  # or a forward with and one without would compile twice


def trunk_regions(
    model: nn.Module, target_layers: Sequence[str], hooked: Sequence[str], images: Tensor
) -> list[str]:
    """The largest modules that are done when the first target layer is, and in which no hooked
    layer lies; one that is itself hooked counts. Modules that call no other are left out:
    compiled alone, an operator gains nothing.

    hooked : names of layers whose outputs or inputs are looked at
    images : Tensor, shape (N, C, H, W), as the model takes them

    Raises: ValueError where there is none.
    """
    order = _last_calls(model, images)
    split = min(order[name] for name in target_layers)
    looked_at = {id(model.get_submodule(name)) for name in (*target_layers, *hooked)}
    regions: list[str] = []
    for name, module in model.named_modules():
        inner = [each for each in module.modules() if each is not module]
        if (
            order.get(name, split + 1) <= split
            and inner
            and not any(id(each) in looked_at for each in inner)
            and not any(name.startswith(f"{region}.") for region in regions)
        ):
            regions.append(name)
    if not regions:
        raise ValueError("no part before the target layer holds several layers and no hook")
    return regions


def _last_calls(model: nn.Module, images: Tensor) -> dict[str, int]:
    """When each module that runs ends for the last time: its place in the order of all ends."""
    ends: dict[str, int] = {}
    clock = count()
    with torch.no_grad(), ExitStack() as hooks:
        for name, module in model.named_modules():

            def note(*_: Any, name: str = name) -> None:
                ends[name] = next(clock)

            hooks.callback(module.register_forward_hook(note).remove)
        model(images)
    return ends
