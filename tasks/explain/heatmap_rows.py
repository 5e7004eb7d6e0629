"""Rows of `heatmaps` from a batch of raw maps."""

from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from cam_kernels.first_pass import FirstPassBatch
from cam_kernels.map_numbers import STATES, map_numbers
from tasks.explain.auditor import AuditorSettings
from tasks.images.inputs import InputImage
from tasks.images.object_grid import ObjectGrid
from tasks.tables.schemas import ROLES

_NUMBERS = (
    "object_energy", "lift", "border_share", "centroid_row", "centroid_col", "spread", "entropy",
)  # fmt: skip

Columns = dict[str, np.ndarray]


def heatmap_columns(
    images: list[InputImage], batch: FirstPassBatch, settings: AuditorSettings, grid: ObjectGrid
) -> dict[str, Any]:
    """Columns of `heatmaps_schema`, image by image: per method two or three rows, and one for the
    contrast, which is no method's own and stands under the first.

    The label's map is the predicted class's where the prediction is right, and the one that
    the prediction was held against where it is wrong.
    """
    rows, cols = batch.contrast.shape[1:]
    columns = _in_image_order(
        [
            _role_rows(role, method, images, grid, *what)
            for place, method in enumerate(settings.methods)
            for role, what in _roles(images, batch, place).items()
        ]
    )
    maps, hit = columns.pop("heatmap"), columns.pop("pointing_hit")
    constants: dict[str, object] = {"target": settings.target, "rows": rows, "cols": cols}
    constants["target_layer"] = settings.target_layer
    return {
        **{name: pa.array(column, from_pandas=True) for name, column in columns.items()},
        **{name: pa.repeat(value, len(maps)) for name, value in constants.items()},
        "pointing_hit": pa.array(hit > 0, mask=np.isnan(hit)),
        "heatmap": pa.FixedSizeListArray.from_arrays(maps.reshape(-1), rows * cols),
    }


def _roles(
    images: list[InputImage], batch: FirstPassBatch, method: int
) -> dict[str, tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Per role: the images that have it, the class, the class subtracted, the map."""
    predicted_map, against_map = batch.predicted_maps[:, method], batch.against_maps[:, method]
    labels = torch.tensor([image.label for image in images])
    mistaken = (labels >= 0) & (labels != batch.predicted)
    all_images, none = torch.ones_like(mistaken), torch.full_like(labels, -1)
    of_label = torch.where(mistaken[:, None, None], against_map, predicted_map)
    roles = {
        "predicted": (all_images, batch.predicted, none, predicted_map),
        "label": (labels >= 0, labels, none, of_label),
        "runner_up": (~mistaken, batch.against, none, against_map),
        "contrast": (all_images, batch.predicted, batch.against, batch.contrast),
    }
    return {role: roles[role] for role in ROLES if role != "contrast" or method == 0}


def _role_rows(
    role: str,
    method: str,
    images: list[InputImage],
    grid: ObjectGrid,
    wanted: Tensor,
    class_idx: Tensor,
    against_idx: Tensor,
    maps: Tensor,
) -> Columns:
    raw, object_of = maps[wanted].float(), grid.of(wanted)
    numbers = map_numbers(raw, object_of.coverage, object_of.centre)
    usable = raw.isfinite().all(dim=2).all(dim=1)
    scale = raw.abs().amax(dim=(1, 2))
    divisor = torch.where(usable & (scale > 0), scale, 1.0)[:, None, None]
    unit_maps = torch.where(usable[:, None, None], raw, 0.0) / divisor
    image_id = np.array([image.image_id for image in images], dtype=np.int64)[wanted.numpy()]
    return {
        "image_id": image_id,
        "role": np.full(len(image_id), role, dtype=object),
        "method": np.full(len(image_id), method, dtype=object),
        "class_idx": class_idx[wanted].numpy(),
        "against_idx": against_idx[wanted].numpy(),
        "heatmap": unit_maps.flatten(1).half().numpy(),
        "scale": torch.where(usable, scale, torch.nan).numpy(),
        "state": np.array([STATES[state] for state in numbers.state.tolist()], dtype=object),
        "object_area": object_of.coverage.mean(dim=(1, 2)).numpy(),
        "pointing_hit": numbers.pointing_hit.numpy(),
        **{name: getattr(numbers, name).float().numpy() for name in _NUMBERS},
    }


def _in_image_order(roles: list[Columns]) -> Columns:
    columns = {name: np.concatenate([rows[name] for rows in roles]) for name in roles[0]}
    rank = np.concatenate([np.full(len(rows["image_id"]), i) for i, rows in enumerate(roles)])
    order = np.lexsort((rank, columns["image_id"]))
    return {name: column[order] for name, column in columns.items()}
