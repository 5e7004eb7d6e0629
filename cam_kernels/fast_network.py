"""Running a fast copy: in its precision, and compiled where it has been for images of that size."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor

from cam_kernels.compiled_trunk import CompiledTrunk, trunk_regions
from cam_kernels.fast_copy import HALF_TOLERANCE, FastCopy, one_line, output_deviation, too_far

Precise = Callable[[], AbstractContextManager[None]]


class FastNetwork:
    """From images (N, C, H, W), as the model takes them, to what the model returns.

    copy : what is run
    tolerance : for outputs of compiled code, where the copy runs in the model's own precision
    """

    def __init__(self, copy: FastCopy, tolerance: float) -> None:
        self._copy = copy
        self._tolerance = tolerance if copy.half is None else HALF_TOLERANCE
        self._trunk: CompiledTrunk | None = None
        self._compiled_for: torch.Size | None = None
        self._not_compiled: tuple[str, ...] = ()

    @property
    def compiled(self) -> bool:
        """Whether the trunk is, for images of some size."""
        return self._trunk is not None

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """A sentence for each thing that was tried in vain."""
        return self._copy.fallbacks + self._not_compiled

    def __call__(self, images: Tensor) -> Any:
        with self.precise(images)():
            if self._trunk is None or images.shape != self._compiled_for:
                return self._copy.model(images)
            with self._trunk.in_use():
                return self._copy.model(images)

    def laid_out(self, images: Tensor) -> Tensor:
        """The images in the memory format that the copy wants."""
        last = self._copy.channels_last
        return images.contiguous(memory_format=torch.channels_last) if last else images

    def precise(self, images: Tensor) -> Precise:
        """Opens a context in which the model, or a part of it, runs in the same precision."""
        half = self._copy.half
        if half is None:
            return nullcontext
        return partial(half.in_use, self._copy.model, images.device)

    def compile_trunk(
        self, target_layers: Sequence[str], hooked: Sequence[str], images: Tensor
    ) -> None:
        """Compile what precedes the first target layer, for images of this size alone.

        hooked : further layers whose inputs or outputs are looked at
        """
        images, self._trunk, self._not_compiled = self.laid_out(images), None, ()
        model = self._copy.model
        try:
            with torch.no_grad(), self.precise(images)():
                before = model(images)
                trunk = CompiledTrunk(model, trunk_regions(model, target_layers, hooked, images))
                with trunk.compiling():
                    deviation = output_deviation(before, model(images))
        except Exception as error:  # of the compiler, of what it needs, of a user's forward
            self._not_compiled = (f"not compiled: {one_line(error)}",)
            return
        if deviation <= self._tolerance:  # False for NaN, too
            self._trunk, self._compiled_for = trunk, images.shape
        else:
            self._not_compiled = (f"not compiled: {too_far(deviation, self._tolerance)}",)
