"""Where the model's view lies in each image."""

import pandas as pd

from reports.tables import AuditTables
from tasks.images.geometry import Placement, place


class Placements:
    """Where the model's view lies in each image.

    Attributes: crop, its side in pixels
    """

    def __init__(self, tables: AuditTables) -> None:
        self._places = pd.Index(tables.predictions["image_id"])
        self._sizes = tables.predictions[["width", "height"]].to_numpy()
        self._resize, self.crop = tables.crop

    def of(self, image_id: int) -> Placement:
        width, height = self._sizes[self._places.get_loc(image_id)].tolist()
        return place(width, height, self._resize, self.crop)
