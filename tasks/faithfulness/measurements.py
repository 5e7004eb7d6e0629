"""The values of every map of a sample, batch by batch."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from cam_kernels.faithfulness.baselines import centre_maps, random_maps
from tasks.explain.audited_model import Explained
from tasks.faithfulness.measures import MapScores, compare_with_objects, perturb
from tasks.faithfulness.plan import CENTRE_MAP, RANDOM_MAP, RANDOM_ORDER, FaithfulnessPlan
from tasks.images.inputs import Failure, InputImage
from tasks.images.object_grid import ObjectGrid, object_grid
from tasks.tables.schemas import FAITHFULNESS_CURVES


class Measurements:
    """What has been measured so far.

    failures : images, or their masks, that can no longer be read
    """

    def __init__(self, plan: FaithfulnessPlan) -> None:
        self._plan = plan
        self._values: list[pd.DataFrame] = []
        self._curves: dict[tuple[str, str], list[Tensor]] = {}
        self.images = 0
        self.failures: list[Failure] = []

    def update(
        self, images: list[InputImage], explained: Explained, advance: Callable[[int], None]
    ) -> None:
        """Measure every map of one batch."""
        self.images += len(images)
        effort, grid = self._plan.effort, object_grid(images, *explained.grid)
        for method, maps in _with_baselines(images, explained, self._plan.seed):
            self._keep(images, explained, method, perturb(explained, maps, effort))
            if method != RANDOM_ORDER:  # no map on a grid
                self._keep(images, explained, method, self._on_objects(maps, grid))
            advance(len(images))

    def _on_objects(self, maps: Tensor, grid: ObjectGrid) -> MapScores:
        return compare_with_objects(maps, grid, self._plan.effort.measures)

    def _keep(
        self, images: list[InputImage], explained: Explained, method: str, scores: MapScores
    ) -> None:
        image_id, class_idx = [i.image_id for i in images], explained.predicted.cpu().numpy()
        for measure, values in scores.values.items():
            columns = {"image_id": image_id, "class_idx": class_idx, "method": method}
            columns |= {"measure": measure, "value": values.cpu().numpy()}
            self._values.append(pd.DataFrame(columns))
        for measure, curve in scores.curves.items():
            self._curves.setdefault((method, measure), []).append(curve.cpu())

    def values(self) -> pd.DataFrame:
        """One row per image, method and measure, by image_id; columns of FAITHFULNESS."""
        return pd.concat(self._values).sort_values("image_id", kind="stable", ignore_index=True)

    def curves(self) -> pd.DataFrame:
        """Means over the images with a finite map; columns of FAITHFULNESS_CURVES."""
        shares = np.linspace(0, 1, self._plan.effort.steps + 1)
        tables = [
            pd.DataFrame({"method": method, "measure": measure, "share": shares,
                          "probability": torch.cat(parts).nanmean(dim=0).numpy()})
            for (method, measure), parts in self._curves.items()
        ]  # fmt: skip
        joined = pd.concat(tables) if tables else FAITHFULNESS_CURVES.empty_table().to_pandas()
        return joined.dropna(ignore_index=True)


def _with_baselines(
    images: list[InputImage], explained: Explained, seed: int
) -> Iterator[tuple[str, Tensor]]:
    yield from explained.maps.items()
    image_ids, device = torch.tensor([i.image_id for i in images]), explained.inputs.device
    height, width = explained.inputs.shape[2:]
    yield RANDOM_MAP, random_maps(image_ids, *explained.grid, seed).to(device)
    yield CENTRE_MAP, centre_maps(len(images), *explained.grid).to(device)
    yield RANDOM_ORDER, random_maps(image_ids, height, width, seed + 1).to(device)
