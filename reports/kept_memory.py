"""Freed memory kept for the next array. New pages come from the system cleared, which took a tenth
of the time of a report of a million images, whose every column is larger than what glibc keeps."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

# Parameters of mallopt (malloc.h) with what they are by default: what the environment said of them
# cannot be asked for.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_DEFAULTS = {_TRIM_THRESHOLD: 128 * 2**10, _TOP_PAD: 128 * 2**10, _MMAP_MAX: 65536}
_KEPT = {_TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 16 * 2**20, _MMAP_MAX: 0}


@contextmanager
def kept_memory() -> Iterator[None]:
    """Within the block, where the C library is glibc; then all that is free goes back. Arrow's own
    allocators keep nothing for others."""
    earlier = pa.default_memory_pool()
    _set(_KEPT)
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(earlier)
        _set(_DEFAULTS)
        if trim := _glibc("malloc_trim"):
            trim(0)


def _set(values: dict[int, int]) -> None:
    if mallopt := _glibc("mallopt"):
        for parameter, value in values.items():
            mallopt(parameter, value)


def _glibc(name: str) -> "ctypes._NamedFuncPointer | None":
    return getattr(ctypes.CDLL(None), name, None)
