"""Rows of the partial table `peaks` from a batch of the first pass."""

from typing import Any

import numpy as np
import pyarrow as pa

from cam_kernels.first_pass import FirstPassBatch
from tasks.explain.feature_rows import half_lists
from tasks.images.inputs import InputImage
from tasks.images.perceptual_hash import fingerprint


def peak_columns(
    images: list[InputImage], batch: FirstPassBatch, schema: pa.Schema
) -> dict[str, Any]:
    """Columns of `peaks_schema` for N images.

    A contribution that is not finite counts as none.
    """
    fingerprints = [fingerprint(image.pixels) for image in images]
    colours = np.array([f.colour for f in fingerprints], dtype=np.uint8)
    contribution = batch.contribution.float().nan_to_num(posinf=0, neginf=0)
    scale = contribution.abs().amax(dim=1)
    cell_type = schema.field("cell").type.value_type.to_pandas_dtype()
    cell = batch.unit_position.numpy().astype(cell_type)
    return {
        "image_id": np.array([image.image_id for image in images], dtype=np.int32),
        "label": [image.label for image in images],
        "perceptual_hash": np.array([f.hash for f in fingerprints], dtype=np.uint64),
        "mean_colour": _lists(colours),
        "activation": _lists(batch.unit_max.float().numpy()),
        "cell": _lists(cell),
        "contribution": half_lists(contribution / scale.clamp_min(1e-30)[:, None]),
        "contribution_scale": scale.numpy(),
    }


def _lists(values: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(values.reshape(-1), values.shape[1])
