"""Truth values a bit each, against numpy's own matrix."""

import numpy as np
import pytest

from tasks.clusters.packed_flags import PackedFlags


@pytest.mark.parametrize("columns", [0, 1, 7, 8, 9, 64, 65])
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_rows_are_those_that_were_packed(rows: int, columns: int) -> None:
    flags = np.random.default_rng(columns).random((rows, columns)) < 0.4
    packed = PackedFlags.of(flags)
    assert len(packed) == rows
    assert packed[:].dtype == np.bool_ and packed[:].shape == flags.shape
    assert (packed[:] == flags).all() and (packed[1:3] == flags[1:3]).all()
    order = np.random.default_rng(0).permutation(rows)
    assert (packed[order] == flags[order]).all()
    both = PackedFlags.joined([packed, PackedFlags.of(~flags)], columns)
    assert (both[:] == np.concatenate([flags, ~flags])).all()
    assert len(PackedFlags.joined([], columns)) == 0
