"""The measures by name, and all that are asked for from one map per image."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

import torch.nn.functional as F
from torch import Tensor

from cam_kernels.faithfulness.average_drop import explanation_scores
from cam_kernels.faithfulness.fills import FILLS
from cam_kernels.faithfulness.perturbation_curves import deletion, insertion
from cam_kernels.faithfulness.road import PERCENTAGES, road
from cam_kernels.map_numbers import map_numbers
from tasks.explain.audited_model import Explained
from tasks.faithfulness.comparison import Better
from tasks.images.object_grid import ObjectGrid

BETTER: dict[str, Better] = {
    "deletion_blur": "lower",
    "deletion_mean": "lower",
    "insertion_blur": "higher",
    "insertion_mean": "higher",
    "road": "higher",
    "average_drop": "lower",
    "average_increase": "higher",
    "average_gain": "higher",
    "object_energy": "higher",
    "pointing_hit": "higher",
}
OBJECT_MEASURES = ("object_energy", "pointing_hit")

_CURVES = {
    "deletion_blur": partial(deletion, fill=FILLS["blur"]),
    "deletion_mean": partial(deletion, fill=FILLS["mean"]),
    "insertion_blur": partial(insertion, fill=FILLS["blur"]),
    "insertion_mean": partial(insertion, fill=FILLS["mean"]),
}
_DROPS = {"average_drop": "drop", "average_increase": "increase", "average_gain": "gain"}


@dataclass(frozen=True)
class Effort:
    """measures : names, keys of BETTER
    steps : of deletion and insertion
    seed : of ROAD's noise
    """

    measures: Collection[str]
    steps: int
    seed: int

    @property
    def forwards(self) -> int:
        """Forwards of the network that one map costs."""
        curves = sum(name in self.measures for name in _CURVES)
        removed = 2 * len(PERCENTAGES) * ("road" in self.measures)
        return curves * (self.steps + 1) + removed + any(n in self.measures for n in _DROPS)


@dataclass(frozen=True)
class MapScores:
    """Of N maps; NaN where the map is not finite.

    values : by measure, (N,) float64
    curves : by measure, (N, steps + 1) float64; for deletion and insertion
    """

    values: dict[str, Tensor]
    curves: dict[str, Tensor]


def perturb(explained: Explained, maps: Tensor, effort: Effort) -> MapScores:
    """The measures that change the image.

    maps : Tensor, shape (N, H, W), raw, on any grid
    """
    images, score, rows = explained.inputs, explained.score, explained.batch_size
    curves = {
        name: measure(images, maps, score, steps=effort.steps, batch_size=rows)
        for name, measure in _CURVES.items()
        if name in effort.measures
    }
    values = {name: result.area for name, result in curves.items()}
    if "road" in effort.measures:
        values["road"] = road(images, maps, score, batch_size=rows, seed=effort.seed).combined
    if any(name in effort.measures for name in _DROPS):
        seen = explanation_scores(images, maps, explained.probability, score, batch_size=rows)
        values |= {n: getattr(seen, d) for n, d in _DROPS.items() if n in effort.measures}
    return MapScores(values, {name: result.curve for name, result in curves.items()})


def compare_with_objects(maps: Tensor, grid: ObjectGrid, measures: Collection[str]) -> MapScores:
    """The measures that hold the map against the object; NaN without one.

    A map at the image's size (FullGrad) is averaged over the cells of the grid, as the audit
    does it.

    maps : Tensor, shape (N, H, W), raw
    """
    rows, cols = grid.coverage.shape[1:]
    on_grid = maps.cpu()
    if on_grid.shape[1:] != (rows, cols):
        on_grid = F.adaptive_avg_pool2d(on_grid, (rows, cols))
    numbers = map_numbers(on_grid, grid.coverage, grid.centre)
    return MapScores({n: getattr(numbers, n) for n in OBJECT_MEASURES if n in measures}, {})
