"""The images of a second-pass shard as the model sees them, each with its object."""

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from tasks.images.decoding import Pixels
from tasks.images.inputs import InputReader
from tasks.interventions.fills import object_inpainted
from tasks.interventions.object_proxy import object_proxy
from tasks.second_pass.variants import Donor
from tasks.tables.storage import RunFolder


@dataclass(frozen=True)
class ObjectView:
    """pixels : uint8, shape (S, S, 3), RGB; object_mask : bool, shape (S, S)"""

    pixels: Pixels
    object_mask: npt.NDArray[np.bool_]


class ObjectViewReader:
    """Reads images with their objects; where there is neither mask nor box, with a proxy.

    tested, donors : image ids that will be asked for; threads may share the reader
    """

    def __init__(
        self, run: RunFolder, reader: InputReader, tested: list[int], donors: list[int]
    ) -> None:
        self._reader = reader
        self._donor_ids = donors
        self._donors: dict[int, Donor | None] = {}
        wanted = pc.field("image_id").isin(sorted({*tested, *donors}))
        rows = run.dataset("manifest").to_table(filter=wanted).to_pylist()
        self._rows = {row["image_id"]: row for row in rows}
        self._label_maps = _label_maps(run, wanted)

    def read(self, image_id: int) -> ObjectView | None:
        """None where the image cannot be read any more, or is all object or all background."""
        image = self._reader.read(self._rows[image_id]).image
        if image is None:
            return None
        pixels = np.ascontiguousarray(image.pixels.permute(1, 2, 0).numpy())
        mask = image.object_mask
        if mask is None and image_id in self._label_maps:
            mask = object_proxy(pixels, self._label_maps[image_id])
        if mask is None or mask.all() or not mask.any():
            return None
        return ObjectView(pixels, mask)

    def read_donors(self, pool: Executor) -> None:
        """Read all donors, each once; some 150 kB each are kept at 224 pixels."""
        backgrounds = pool.map(self._donor, self._donor_ids)
        self._donors = dict(zip(self._donor_ids, backgrounds, strict=True))

    def donor(self, image_id: int) -> Donor | None:
        """The background of a donor that was read; None where it has none to lend."""
        return self._donors[image_id]

    def _donor(self, image_id: int) -> Donor | None:
        image = self.read(image_id)
        if image is None:
            return None
        return Donor(image_id, object_inpainted(image.pixels, image.object_mask))


def _label_maps(run: RunFolder, wanted: Any) -> dict[int, npt.NDArray[np.float32]]:
    of_label = wanted & (pc.field("role") == "label") & (pc.field("method") == run.first_method())
    columns = ["image_id", "heatmap", "scale", "rows", "cols", "state"]
    rows = run.dataset("heatmaps").to_table(columns, filter=of_label).to_pylist()
    return {
        row["image_id"]: np.array(row["heatmap"], np.float32).reshape(row["rows"], row["cols"])
        for row in rows
        if row["state"] == "ok"
    }
