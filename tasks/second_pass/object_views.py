"""The images of a second-pass shard as the model sees them, each with its object."""

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.images.decoding import Pixels
from tasks.images.inputs import InputReader
from tasks.interventions.fills import object_inpainted
from tasks.interventions.object_proxy import object_proxy
from tasks.second_pass.image_rows import label_map
from tasks.second_pass.variants import Donor


@dataclass(frozen=True)
class ObjectView:
    """pixels : uint8, shape (S, S, 3), RGB; object_mask : bool, shape (S, S)"""

    pixels: Pixels
    object_mask: npt.NDArray[np.bool_]


class ObjectViewReader:
    """Reads images with their objects; where there is neither mask nor box, with a proxy.

    image_rows : schema IMAGE_ROWS, of all images that will be asked for
    donors : image ids, of those that lend; threads may share the reader
    """

    def __init__(self, reader: InputReader, image_rows: pa.Table, donors: list[int]) -> None:
        self._reader = reader
        self._donor_ids = donors
        self._donors: dict[int, Donor | None] = {}
        self._rows = {row["image_id"]: row for row in image_rows.to_pylist()}

    def read(self, image_id: int) -> ObjectView | None:
        """None where the image cannot be read any more, or is all object or all background."""
        row = self._rows[image_id]
        image = self._reader.read(row).image
        if image is None:
            return None
        pixels = np.ascontiguousarray(image.pixels.permute(1, 2, 0).numpy())
        mask, map_of_label = image.object_mask, label_map(row)
        if mask is None and map_of_label is not None:
            mask = object_proxy(pixels, map_of_label)
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
