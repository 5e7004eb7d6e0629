"""From pixels to the model's input, and back from its pixels to those of the image."""

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

from tasks.images.decoding import Pixels, UnreadableImage, decode_image
from tasks.images.geometry import Placement, place
from tasks.images.reduced_decoding import Size, decode_reduced

_LONGEST_SIDE = 16_384


@dataclass(frozen=True)
class Preprocessing:
    """Resize of the shorter side, centre crop, scaling to [0, 1], normalisation.

    resize, crop : pixels, 0 < crop <= resize
    mean, std : one number per channel, for values in [0, 1]
    interpolation : 'bilinear' or 'bicubic', with antialiasing, as torchvision and PIL do it
    fast_decode : `view` decodes large JPEGs as `decode_reduced` does
    """

    resize: int
    crop: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str = "bilinear"
    fast_decode: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Content for audit.json; `fast_decode` only where it is on, so that audits from before
        it stay what they were."""
        values = asdict(self)
        return values if self.fast_decode else {k: values[k] for k in values if k != "fast_decode"}

    def view(self, content: bytes) -> tuple[Tensor, Placement]:
        """What the model sees of an encoded image: `cut` of its pixels.

        Raises: UnreadableImage, as `decode_image` and `cut`.
        """
        if self.fast_decode:
            return self.cut(*decode_reduced(content, self.resize))
        return self.cut(decode_image(content))

    def cut(self, image: Pixels, size: Size | None = None) -> tuple[Tensor, Placement]:
        """What the model sees of an image.

        size : width and height of the image where its pixels are fewer

        Returns: uint8 Tensor of shape (3, crop, crop), and where in the image it lies.

        Raises: UnreadableImage for an image so long and thin that resizing it would take
        more than 16,384 pixels a side.
        """
        resized, placement = self.resized(image, size)
        top, left = placement.top, placement.left
        return resized[:, top : top + self.crop, left : left + self.crop].contiguous(), placement

    def resized(self, image: Pixels, size: Size | None = None) -> tuple[Tensor, Placement]:
        """An image before the crop, and where in it the crop lies.

        size : as of `cut`

        Returns: uint8 Tensor of shape (3, height, width), the shorter of which is `resize`.

        Raises: UnreadableImage, as `cut`.
        """
        width, height = size or (image.shape[1], image.shape[0])
        placement = place(width, height, self.resize, self.crop)
        if max(placement.resized_width, placement.resized_height) > _LONGEST_SIDE:
            raise UnreadableImage(
                "decode", f"{width} x {height} pixels: too long and thin to resize and crop"
            )
        tensor = torch.from_numpy(image).permute(2, 0, 1)
        sides = [placement.resized_height, placement.resized_width]
        mode = InterpolationMode(self.interpolation)
        return F.resize(tensor, sides, mode, antialias=True), placement

    def normalise(self, images: Tensor) -> Tensor:
        """uint8 Tensor (N, 3, crop, crop) to the model's float32 input, same shape."""
        mean, std = (_per_channel(tuple(values), images.device) for values in (self.mean, self.std))
        return (images.float() / 255 - mean) / std


@lru_cache(maxsize=8)  # a copy to a GPU would wait for all that was asked of it before
def _per_channel(values: tuple[float, ...], device: torch.device) -> Tensor:
    return torch.tensor(values, device=device).view(1, 3, 1, 1)


def object_in_crop(
    mask: npt.NDArray[np.bool_] | None,
    boxes: list[list[float]],
    placement: Placement,
) -> npt.NDArray[np.bool_] | None:
    """The object in the model's view, from the mask or else the union of the boxes.

    mask : bool, shape (height, width) of the image
    boxes : left, top, right, bottom in pixels of the image

    Returns: bool, shape (crop, crop); None where there is neither mask nor box.
    """
    if mask is None and not boxes:
        return None
    x, y = placement.image_coordinates()
    if mask is not None:
        return mask[np.ix_(y.astype(int), x.astype(int))]
    inside = np.zeros((len(y), len(x)), dtype=bool)
    for left, top, right, bottom in boxes:
        inside |= np.outer((top <= y) & (y < bottom), (left <= x) & (x < right))
    return inside
