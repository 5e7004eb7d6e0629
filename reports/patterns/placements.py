"""Where the model's view lies in each image."""

import numpy as np

from reports.tables import AuditTables
from tasks.images.geometry import Placement, place


class Placements:
    """Where the model's view lies in each image.

    Attributes: crop, its side in pixels
    """

    def __init__(self, tables: AuditTables) -> None:
        self._ids = tables.images["image_id"].to_numpy()
        self._sizes = tables.images[["width", "height"]].to_numpy()
        self._resize, self.crop = tables.crop

    def of(self, image_id: int) -> Placement:
        width, height = self._sizes[np.searchsorted(self._ids, image_id)].tolist()
        return place(width, height, self._resize, self.crop)
