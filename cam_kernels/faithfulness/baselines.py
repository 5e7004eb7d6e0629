"""Maps that have not seen the image: what a method must beat.

`random_maps` at the size of the image is the random order of pixels; on the grid of a target
layer it is a random map as smooth as the maps of that layer.
"""

import torch
from torch import Tensor

CENTRE_SIGMA = 0.25
_SPREAD = 0x9E3779B1  # odd, so that neighbouring seeds do not share neighbouring images' maps


def random_maps(image_ids: Tensor, rows: int, cols: int, seed: int) -> Tensor:
    """Uniform noise in [0, 1); an image's map depends on `seed` and its id alone.

    image_ids : Tensor, shape (N,), int64

    Returns: Tensor, shape (N, rows, cols), float32.
    """
    maps = torch.empty((len(image_ids), rows, cols))
    for place, image_id in enumerate(image_ids.tolist()):
        generator = torch.Generator().manual_seed((seed * _SPREAD + image_id) % 2**32)
        maps[place] = torch.rand((rows, cols), generator=generator)
    return maps.to(image_ids.device)


def centre_maps(images: int, rows: int, cols: int) -> Tensor:
    """A Gaussian at the centre, of sigma a quarter of each side: photographers centre objects.

    Returns: Tensor, shape (images, rows, cols), float32, values in (0, 1].
    """
    row = (torch.arange(rows) + 0.5) / rows - 0.5
    col = (torch.arange(cols) + 0.5) / cols - 0.5
    squared = row.square()[:, None] + col.square()[None, :]
    return (-squared / (2 * CENTRE_SIGMA**2)).exp().expand(images, rows, cols)
