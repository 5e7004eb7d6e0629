"""Columns of lists as matrices."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def list_matrix(column: pa.Array) -> npt.NDArray[np.float16]:
    """A column of N lists of D float16 as a matrix of shape (N, D); NaN where a list is null."""
    width = column.type.list_size
    rows = np.full((len(column), width), np.nan, dtype=np.float16)
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    rows[valid] = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
    return rows
