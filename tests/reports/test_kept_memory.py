"""Memory that was freed is used again, and given back at the end."""

import platform
import resource
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from reports.kept_memory import kept_memory

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep memory"
)
ARRAYS, EACH = 16, 2**20  # of 8 bytes


def faults() -> int:
    """Pages asked for by arrays that are freed at once."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [np.ones(EACH) for _ in range(ARRAYS)]
    del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_freed_memory_is_used_again():
    with kept_memory():
        first, again = faults(), faults()
        kept = resident()
    assert first > ARRAYS
    assert again < first / 10
    assert resident() < kept - ARRAYS * EACH * 8 / 2


def test_a_failure_within_passes_on():
    pool = pa.default_memory_pool().backend_name
    with pytest.raises(ValueError, match="within"), kept_memory():
        assert pa.default_memory_pool().backend_name == "system"
        raise ValueError("within")
    assert pa.default_memory_pool().backend_name == pool
