"""Half of the time, an image's object on another background in place of the image."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from tasks.training.augmentation import seed_of
from tasks.training.pictures import Pictures

SHARE = 0.5
_STREAM = 0x5EED  # what is drawn here is drawn apart from the augmentation


class ReplacedBackgrounds:
    """Pictures that stand in for training images.

    by_row : of each image that has some, their places in `pictures`
    """

    def __init__(self, pictures: Pictures, by_row: Mapping[int, Sequence[int]], seed: int) -> None:
        self._pictures, self._by_row, self._seed = pictures, dict(by_row), seed

    def draw(self, row: int, epoch: int) -> Tensor | None:
        """A picture for this image in this epoch, uint8 (3, H, W); None where it stays as it is.

        What is drawn depends on seed, epoch and row alone.
        """
        own = self._by_row.get(row)
        if not own:
            return None
        rng = np.random.default_rng([seed_of(self._seed, epoch, row), _STREAM])
        if rng.random() >= SHARE:
            return None
        return self._pictures.resized(own[int(rng.integers(len(own)))])
