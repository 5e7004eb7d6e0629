"""Rows of `background`: how much of what speaks for the prediction lies off the object."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from cam_kernels.first_pass import FirstPassBatch
from cam_kernels.map_numbers import map_numbers
from tasks.images.inputs import InputImage
from tasks.images.object_grid import ObjectGrid
from tasks.interventions.object_proxy import coarse_proxy


def background_columns(
    images: list[InputImage], batch: FirstPassBatch, grid: ObjectGrid
) -> dict[str, Any]:
    """Columns of schema BACKGROUND for N images.

    An object that lies outside the model's view is no object; a proxy needs a label.
    """
    labels = torch.tensor([image.label for image in images])
    mistaken = (labels >= 0) & (labels != batch.predicted)
    first = batch.against_maps[:, 0], batch.predicted_maps[:, 0]
    proxy = _proxy(torch.where(mistaken[:, None, None], *first))
    annotated = grid.coverage.isfinite().all(dim=2).all(dim=1)
    coverage = torch.where(annotated[:, None, None], grid.coverage, proxy)
    coverage[~annotated & (labels < 0)] = math.nan
    area = coverage.mean(dim=(1, 2))
    told = area > 0  # False for NaN
    source = np.array([image.object_source or "proxy" for image in images], dtype=object)
    source[~told.numpy()] = None
    score = _off_object(batch.contrast, coverage)
    rows, cols = batch.contrast.shape[1:]
    values = {
        "object_area": area,
        "score": score,
        "lift": torch.where(area < 1, score / (1 - area), math.nan),
        "uniform_score": 1 - area,
        "centre_score": _off_object(_centre_map(rows, cols).expand_as(coverage), coverage),
        "border_score": _off_object(_border_map(rows, cols).expand_as(coverage), coverage),
    }
    known = torch.where(told, 1.0, math.nan)
    return {
        "image_id": [image.image_id for image in images],
        "object_source": pa.array(source),
        **{
            name: pa.array((value * known).float().numpy(), from_pandas=True)
            for name, value in values.items()
        },
    }


def _proxy(label_maps: Tensor) -> Tensor:
    """(N, rows, cols): 1 on the cells of the object, NaN for a map that tells of none."""
    unknown = np.full(label_maps.shape[1:], np.nan, dtype=np.float32)
    guesses = [coarse_proxy(label_map) for label_map in label_maps.float().numpy()]
    return torch.from_numpy(np.stack([unknown if g is None else g for g in guesses]))


def _off_object(maps: Tensor, coverage: Tensor) -> Tensor:
    nowhere = torch.zeros_like(coverage, dtype=torch.bool)
    return 1 - map_numbers(maps, coverage, nowhere).object_energy


def _centre_map(rows: int, cols: int) -> Tensor:
    """A Gaussian on the centre whose standard deviation is a quarter of the side."""
    row = (torch.arange(rows) + 0.5) / rows - 0.5
    col = (torch.arange(cols) + 0.5) / cols - 0.5
    return torch.exp(-(row[:, None] ** 2 + col[None, :] ** 2) / (2 * 0.25**2))


def _border_map(rows: int, cols: int) -> Tensor:
    border = torch.ones((rows, cols))
    border[1:-1, 1:-1] = 0
    return border
