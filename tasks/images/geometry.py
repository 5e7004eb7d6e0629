"""Where the model's square view lies in the original image."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Placement:
    """An image of width x height, resized, then cropped to a square at (left, top)."""

    width: int
    height: int
    resized_width: int
    resized_height: int
    left: int
    top: int
    crop: int

    def image_coordinates(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """x and y in image pixels of the centres of the crop's columns and rows.

        Returns: two float64 arrays of shape (crop,), inside [0, width) and [0, height).
        """
        steps = np.arange(self.crop) + 0.5
        x = (steps + self.left) * self.width / self.resized_width
        y = (steps + self.top) * self.height / self.resized_height
        return np.clip(x, 0, self.width - 1e-6), np.clip(y, 0, self.height - 1e-6)

    def to_image(self, boxes: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Boxes in pixels of the crop as boxes in pixels of the image.

        boxes : int, shape (n, 4): top, left, bottom, right; they may reach over the crop

        Returns: int32, shape (n, 4), rounded outwards and clipped to what the model saw.
        """
        return boxes_in_images(boxes, np.array([list(vars(self).values())]))

    def to_view(self, boxes: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Boxes in pixels of the image as boxes in pixels of the crop, rounded towards zero as
        `resize_bbox` of clovaai/wsolevaluation does.

        boxes : shape (n, 4): left, top, right, bottom

        Returns: int64, shape (m, 4): left, top, right, bottom, the last two inclusive, clipped
        to the crop; m < n where boxes are empty or lie outside it.
        """
        given = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        across, down = self.resized_width / self.width, self.resized_height / self.height
        edges = given * [across, down, across, down] - [self.left, self.top, self.left, self.top]
        low, high = edges[:, :2], edges[:, 2:]
        seen = ((low < high) & (high > 0) & (low < self.crop)).all(axis=1)
        return np.clip(edges[seen], 0, self.crop - 1).astype(np.int64)


@lru_cache(maxsize=2**12)  # datasets have few sizes, reports ask for thousands of images
def place(width: int, height: int, resize: int, crop: int) -> Placement:
    """Resize the shorter side to `resize`, keep the aspect, cut the central square.

    The rounding is torchvision's, so that a box falls where the model saw it.
    """
    shorter, longer = min(width, height), max(width, height)
    resized_longer = int(resize * longer / shorter)
    resized_width = resize if width <= height else resized_longer
    resized_height = resized_longer if width <= height else resize
    return Placement(
        width=width,
        height=height,
        resized_width=resized_width,
        resized_height=resized_height,
        left=centred(resized_width, crop),
        top=centred(resized_height, crop),
        crop=crop,
    )


def centred(side: int, crop: int) -> int:
    """Where a crop in the middle of a side begins, rounded as torchvision does."""
    return round((side - crop) / 2)


def boxes_in_images(
    boxes: npt.NDArray[np.int64], placements: npt.NDArray[np.int64]
) -> npt.NDArray[np.int32]:
    """Boxes in pixels of crops as boxes in pixels of the images that were cropped.

    boxes : int, shape (n, 4): top, left, bottom, right; they may reach over the crop
    placements : int, shape (n, 7), or (1, 7) for all: the fields of `Placement` in their order

    Returns: int32, shape (n, 4), rounded outwards and clipped to what the model saw.
    """
    width, height, resized_width, resized_height, left, top, crop = placements.T
    edges = np.clip(boxes, 0, crop[:, None]) + np.stack([top, left, top, left], axis=1)
    rows, cols = height / resized_height, width / resized_width
    scaled = edges * np.stack([rows, cols, rows, cols], axis=1)
    # 1e-9: an exact pixel edge must not be rounded past itself by the multiplication.
    outwards = np.hstack([np.floor(scaled[:, :2] + 1e-9), np.ceil(scaled[:, 2:] - 1e-9)])
    limits = np.stack([height, width, height, width], axis=1)
    return np.clip(outwards, 0, limits).astype(np.int32)
