"""Small random moves of an image, so that what excites a unit does not hang on single pixels."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def jitter(images: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Shift all images by the same whole number of pixels, around the edges.

    images : Tensor, shape (N, C, H, W)
    most : largest shift; down and across are drawn from -most to most, ends included

    Returns: the same shape.
    """
    down, across = torch.randint(-most, most + 1, (2,), generator=generator).tolist()
    return images.roll((down, across), dims=(2, 3))


def turn_and_zoom(
    images: Tensor, degrees: float, zoom: float, generator: torch.Generator
) -> Tensor:
    """Rotate and enlarge all images alike about their centre, mirrored at the edges.

    images : Tensor, shape (N, C, H, W)
    degrees : the angle is drawn from [-degrees, degrees]
    zoom : the factor is drawn from [1 - zoom, 1 + zoom], 0 <= zoom < 1

    Returns: the same shape, bilinear between pixels.
    """
    turned, zoomed = (2 * torch.rand(2, generator=generator) - 1).tolist()
    angle, factor = math.radians(degrees * turned), 1 + zoom * zoomed
    cos, sin = math.cos(angle) / factor, math.sin(angle) / factor
    matrix = images.new_tensor([[cos, -sin, 0.0], [sin, cos, 0.0]])
    grid = F.affine_grid(matrix[None], [1, *images.shape[1:]], align_corners=False)
    grid = grid.expand(len(images), -1, -1, -1)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
