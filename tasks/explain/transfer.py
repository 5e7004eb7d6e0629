"""Copies between host and device, beside what a GPU computes."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor


class Transfer:
    """To and from one device. With a CPU, everything is done when a call returns."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def to_device(self, parts: Sequence[Tensor]) -> Tensor:
        """Tensors of the host, all of one shape, as one on the device: shape (len(parts), ...).

        On a GPU what is computed after this call waits for the copy; the caller does not.
        """
        shape, locked = (len(parts), *parts[0].shape), self._stream is not None
        staged = torch.empty(shape, dtype=parts[0].dtype, pin_memory=locked)
        torch.stack(list(parts), out=staged)
        if self._stream is None:
            return staged.to(self._device)
        with torch.cuda.stream(self._stream):
            copied = staged.to(self._device, non_blocking=True)
        computing = torch.cuda.current_stream(self._device)
        computing.wait_stream(self._stream)
        copied.record_stream(computing)
        return copied

    def to_host(self, tensors: Mapping[str, Tensor]) -> Callable[[], dict[str, Tensor]]:
        """Begin to copy tensors of the device; what it returns waits until they are there."""
        # From a GPU and without blocking, torch copies to page-locked memory.
        beside = self._stream is not None
        copies = {name: value.to("cpu", non_blocking=beside) for name, value in tensors.items()}
        if not beside:
            return lambda: copies
        done = torch.cuda.current_stream(self._device).record_event()

        def arrived() -> dict[str, Tensor]:
            done.synchronize()
            return copies

        return arrived
