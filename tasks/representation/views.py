"""An image whole, cropped by its map, and cropped by its true box, as the model would see each."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from tasks.images.decoding import ImageSource, Pixels, UnreadableImage, decode_image
from tasks.images.geometry import Placement
from tasks.images.inputs import Failure, InputReader
from tasks.images.preprocessing import Preprocessing
from tasks.representation.map_box import Box, map_box, mask_box, square_around

FULL, MAP_BOX, TRUE_BOX = VIEWS = ("full", "map_box", "true_box")


@dataclass(frozen=True)
class ImageViews:
    """pixels : by view, uint8 Tensor of shape (3, crop, crop)
    boxes : by view, the box that was cut around, in pixels of the image; None where there is none
        and the whole image stands in
    """

    image_id: int
    pixels: dict[str, Tensor]
    boxes: dict[str, Box | None]


class ViewReader:
    """Cuts the views of one image after the other; threads may share it.

    maps : raw map of the predicted class by image_id, shape (rows, cols)
    """

    def __init__(
        self, preprocessing: Preprocessing, maps: dict[int, npt.NDArray[np.float32]]
    ) -> None:
        self._preprocessing, self._maps = preprocessing, maps
        self._close_up = replace(preprocessing, resize=preprocessing.crop)
        self._reader = InputReader(preprocessing, np.iinfo(np.int32).max)
        self._source = ImageSource()

    def read(self, row: dict[str, Any]) -> ImageViews | Failure:
        """The views of one manifest row (keys of schema MANIFEST). Never raises for bad data."""
        result = self._reader.read(row)
        if result.image is None:
            assert result.failure is not None  # one of the two is always there
            return result.failure
        try:
            image = decode_image(self._source.read(row["uri"]))
        except UnreadableImage as error:  # gone since the line above
            return Failure(row["image_id"], row["uri"], error.stage, str(error))
        mask, placement = result.image.object_mask, result.image.placement
        raw = self._maps.get(row["image_id"])
        in_view = {
            MAP_BOX: None if raw is None else map_box(raw, placement.crop),
            TRUE_BOX: None if mask is None else mask_box(mask),
        }
        boxes = {name: _in_image(box, placement) for name, box in in_view.items()}
        whole = result.image.pixels
        pixels = {FULL: whole} | {
            name: whole if box is None else self._cut(image, box) for name, box in boxes.items()
        }
        return ImageViews(row["image_id"], pixels, boxes)

    def _cut(self, image: Pixels, box: Box) -> Tensor:
        top, left, bottom, right = square_around(box, *image.shape[:2])
        region = np.ascontiguousarray(image[top:bottom, left:right])
        return self._close_up.cut(region)[0]


def _in_image(box: Box | None, placement: Placement) -> Box | None:
    if box is None:
        return None
    top, left, bottom, right = (int(edge) for edge in placement.to_image(np.array([box]))[0])
    return top, left, bottom, right
