"""Random views of training pictures."""

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2

from tasks.images.preprocessing import Preprocessing
from tasks.statistics.seeded_hash import hash_ids

_LEAST_AREA = 0.4  # of the picture; classes that are told by small parts need much of it
_COLOUR = 0.2


class Augmentation:
    """A random crop, its mirror image half of the time, a little brightness, contrast and colour.

    What is drawn for an image in an epoch depends on these two and the seed alone, so that neither
    the order of images, nor the processes that read them, nor a stop in between changes it.
    """

    def __init__(self, preprocessing: Preprocessing, seed: int) -> None:
        self._seed = seed
        self._transform = v2.Compose(
            [
                v2.RandomResizedCrop(
                    preprocessing.crop,
                    scale=(_LEAST_AREA, 1.0),
                    interpolation=InterpolationMode(preprocessing.interpolation),
                    antialias=True,
                ),
                v2.RandomHorizontalFlip(),
                v2.ColorJitter(brightness=_COLOUR, contrast=_COLOUR, saturation=_COLOUR),
            ]
        )

    def __call__(self, picture: Tensor, epoch: int, row: int) -> Tensor:
        """A view of a picture.

        picture : uint8, shape (3, H, W)

        Returns: uint8, shape (3, crop, crop).
        """
        with torch.random.fork_rng(devices=[]):
            # Not torch.manual_seed: it would seed a GPU's generator, too, for good.
            torch.default_generator.manual_seed(seed_of(self._seed, epoch, row))
            view: Tensor = self._transform(picture)
        return view


def seed_of(seed: int, epoch: int, row: int = 0) -> int:
    """A seed for what is drawn in an epoch for a row: in [0, 2^63)."""
    return int(hash_ids(np.array([row], np.int64), (seed << 20) + epoch)[0]) >> 1
