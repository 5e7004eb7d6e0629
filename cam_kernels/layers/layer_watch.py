"""Which modules run in a forward, what they put out, and which FLOPs are their own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

Shape = tuple[int, ...]


@dataclass
class LayerRun:
    """What one module did in a forward.

    shapes : of the output of each call; of several tensors, the first; None where there is none
    flops : over all calls, less those of the modules that it called
    calls_others : whether other modules ran in it
    """

    shapes: list[Shape | None] = field(default_factory=list)
    flops: int = 0
    calls_others: bool = False


def watch_forward(model: nn.Module, images: Tensor) -> dict[str, LayerRun]:
    """Run the model once, without gradients and in eval mode; it is left as it was.

    images : Tensor, shape (N, C, H, W), as the model takes them

    Returns: a run for each module that was called, by its name, in the order of the first calls.

    Raises: whatever the model's forward raises.
    """
    watch = _Watch(FlopCounterMode(display=False))
    with ExitStack() as stack:
        stack.enter_context(_eval_mode(model))
        stack.enter_context(attention_in_operators())
        stack.enter_context(watch.hooked(model))
        stack.enter_context(torch.no_grad())
        stack.enter_context(watch.counter)
        model(images)
    return watch.runs


class _Watch:
    """Notes for each module its outputs and its own share of the counter's FLOPs."""

    def __init__(self, counter: FlopCounterMode) -> None:
        self.counter = counter
        self.runs: dict[str, LayerRun] = {}
        self._open: list[tuple[LayerRun, int]] = []  # with the FLOPs counted before

    @contextmanager
    def hooked(self, model: nn.Module) -> Iterator[None]:
        with ExitStack() as stack:
            for name, module in model.named_modules():
                enter, leave = self._hooks(name)
                stack.callback(module.register_forward_pre_hook(enter).remove)
                # Called for a forward that raises, too: the model may catch it and go on.
                handle = module.register_forward_hook(leave, always_call=True)
                stack.callback(handle.remove)
            yield

    def _hooks(self, name: str) -> tuple[Any, Any]:
        def enter(_module: nn.Module, _inputs: Any) -> None:
            for caller, _ in self._open[-1:]:
                caller.calls_others = True
            self._open.append(
                (self.runs.setdefault(name, LayerRun()), self.counter.get_total_flops())
            )

        def leave(_module: nn.Module, _inputs: Any, output: Any) -> None:
            run, before = self._open.pop()
            inclusive = self.counter.get_total_flops() - before
            run.flops += inclusive
            run.shapes.append(_shape(output))
            for caller, _ in self._open[-1:]:
                caller.flops -= inclusive

        return enter, leave


def _shape(output: Any) -> Shape | None:
    if isinstance(output, Tensor):
        return tuple(output.shape)
    if not isinstance(output, dict | tuple | list):
        return None
    parts = output.values() if isinstance(output, dict) else output
    return next((shape for shape in map(_shape, parts) if shape is not None), None)


@contextmanager
def _eval_mode(model: nn.Module) -> Iterator[None]:
    before = {module: module.training for module in model.modules()}
    if any(before.values()):
        model.eval()
    try:
        yield
    finally:
        for module, training in before.items():
            module.training = training


@contextmanager
def attention_in_operators() -> Iterator[None]:
    """While open, nn.MultiheadAttention keeps to operators that counters and tracers know.

    Its fast path is one operator, without FLOPs, and taken only where no gradient is asked for.
    """
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
