"""Rows of `features` and `cells` from a batch of the first pass."""

from typing import Any

import pyarrow as pa
from torch import Tensor

from cam_kernels.first_pass import FirstPassBatch
from tasks.images.inputs import InputImage
from tasks.images.object_grid import ObjectGrid

_LARGEST_HALF = 65504


def feature_columns(
    images: list[InputImage], batch: FirstPassBatch, target_layer: str
) -> dict[str, Any]:
    """Columns of `features_schema` for N images."""
    return {
        "image_id": [image.image_id for image in images],
        "label": [image.label for image in images],
        "target_layer": [target_layer] * len(images),
        "pooled": half_lists(batch.pooled),
        "evidence": half_lists(batch.evidence),
    }


def cell_columns(
    images: list[InputImage], batch: FirstPassBatch, grid: ObjectGrid
) -> dict[str, Any]:
    """Columns of `cells_schema` for N images."""
    coverage = grid.coverage.flatten(1)
    unknown = ~coverage.isfinite().all(dim=1)
    return {
        "image_id": [image.image_id for image in images],
        "vectors": half_lists(batch.cells.flatten(1)),
        "coverage": half_lists(coverage, unknown),
    }


def half_lists(values: Tensor, null: Tensor | None = None) -> pa.Array:
    """(N, width) as N lists of float16, what is too large for it cut to the largest."""
    half = values.clamp(-_LARGEST_HALF, _LARGEST_HALF).half().numpy()
    mask = None if null is None else pa.array(null.numpy())
    return pa.FixedSizeListArray.from_arrays(half.reshape(-1), half.shape[1], mask=mask)
