"""The arrays that every intervention takes, and what is asked of them."""

from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


def check_pixels(pixels: npt.NDArray[Any], name: str = "pixels") -> None:
    """Raises: ValueError unless `pixels` is uint8 of shape (height, width, 3), not empty."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ValueError(
            f"{name}: expected uint8 of shape (height, width, 3), got {pixels.dtype} of shape "
            f"{pixels.shape}; hand over the model's view before it is normalised"
        )


def check_object(pixels: npt.NDArray[Any], mask: npt.NDArray[Any]) -> None:
    """Raises: ValueError unless `mask` parts `pixels` into an object and a background."""
    check_pixels(pixels)
    if mask.dtype != np.bool_ or mask.shape != pixels.shape[:2]:
        raise ValueError(
            f"object mask: expected bool of shape {pixels.shape[:2]}, as the pixels have, got "
            f"{mask.dtype} of shape {mask.shape}"
        )
    if mask.all() or not mask.any():
        which = "all object" if mask.all() else "all background"
        raise ValueError(
            "object mask: expected at least one pixel of object and one of background, got "
            f"{which}; leave such an image out of the second pass"
        )


def check_map(label_map: npt.NDArray[Any]) -> None:
    """Raises: ValueError unless `label_map` is a floating-point array (rows, cols), not empty."""
    if not np.issubdtype(label_map.dtype, np.floating) or label_map.ndim != 2 or not label_map.size:
        raise ValueError(
            "label map: expected floats of shape (rows, cols), got "
            f"{label_map.dtype} of shape {label_map.shape}"
        )
