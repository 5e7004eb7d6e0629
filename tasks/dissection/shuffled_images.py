"""One shuffle of a dataset: the objects that another image holds."""

from typing import Any

import numpy as np

from tasks.dissection.plan import DissectionPlan
from tasks.images.decoding import ImageSource, UnreadableImage
from tasks.images.geometry import place
from tasks.images.named_objects import NamedObject, named_objects


def partners(image_ids: list[int], seed: int) -> dict[int, int]:
    """Another image for each, every one once: one circle through all in random order.

    Returns: image_id by image_id; nothing for fewer than two images.
    """
    order = np.random.default_rng(seed).permutation(np.array(image_ids, dtype=np.int64)).tolist()
    pairs = zip(order, [*order[1:], *order[:1]], strict=True)
    return {one: other for one, other in pairs if one != other}


class ShuffledObjects:
    """The named objects of each image's partner, read again from masks and boxes.

    rows : of the manifest with `width` and `height`, of the images with named objects
    """

    def __init__(self, plan: DissectionPlan, rows: list[dict[str, Any]]) -> None:
        self._plan, self._source = plan, ImageSource()
        self._rows = {row["image_id"]: row for row in rows}
        self._partner = partners(list(self._rows), plan.options.seed)

    def of(self, image_id: int) -> list[NamedObject]:
        """Empty where there is no other image, or where its mask can no longer be read."""
        if image_id not in self._partner:
            return []
        row, cut = self._rows[self._partner[image_id]], self._plan.facts["preprocessing"]
        placement = place(row["width"], row["height"], cut["resize"], cut["crop"])
        try:
            return named_objects(row, placement, self._plan.classes, self._source)
        except UnreadableImage:
            return []
