"""The object on the grid of a heatmap."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tasks.images.inputs import InputImage


@dataclass(frozen=True)
class ObjectGrid:
    """Where the object lies, cell by cell, for N images.

    coverage : (N, rows, cols) float32, the object's share of each cell; NaN without an object
    centre : (N, rows, cols) bool, the cell's centre pixel lies on the object
    """

    coverage: Tensor
    centre: Tensor

    def of(self, chosen: Tensor) -> "ObjectGrid":
        """The same for the images where `chosen`, a bool Tensor of shape (N,), holds."""
        return ObjectGrid(self.coverage[chosen], self.centre[chosen])


def object_grid(images: list[InputImage], rows: int, cols: int) -> ObjectGrid:
    """Reduce the object masks to a grid of rows x cols cells."""
    coverage = torch.full((len(images), rows, cols), torch.nan)
    centre = torch.zeros((len(images), rows, cols), dtype=torch.bool)
    for i, image in enumerate(images):
        if image.object_mask is None:
            continue
        height, width = image.object_mask.shape
        row = ((np.arange(rows) + 0.5) * height / rows).astype(int)
        col = ((np.arange(cols) + 0.5) * width / cols).astype(int)
        mask = torch.from_numpy(image.object_mask)
        coverage[i] = F.adaptive_avg_pool2d(mask[None].float(), (rows, cols))[0]
        centre[i] = mask[row][:, col]
    return ObjectGrid(coverage, centre)
