"""The mask of an image, from a file of its own or from a COCO json."""

import cv2
import numpy as np
import numpy.typing as npt

from tasks.errors import AuditError
from tasks.images.coco_masks import is_coco_mask, read_coco_mask, read_named_coco_masks
from tasks.images.decoding import ImageSource, UnreadableImage, decode_mask
from tasks.images.geometry import Placement


def read_mask(source: ImageSource, uri: str) -> npt.NDArray[np.bool_]:
    """The object's pixels.

    Returns: bool, shape (height, width), which may differ from the image's.

    Raises: UnreadableImage.
    """
    if not is_coco_mask(uri):
        return decode_mask(source.read(uri))
    try:
        return read_coco_mask(uri)
    except (ValueError, KeyError, AuditError) as error:
        raise UnreadableImage("mask", str(error)) from error


def read_named_masks(
    source: ImageSource, uri: str, name: str | None
) -> dict[str, npt.NDArray[np.bool_]]:
    """The pixels of each named object: those of each category of a COCO json; else, and where
    that names none, the whole mask under `name`; nothing where that is None.

    Returns: as `read_mask`, by name.

    Raises: UnreadableImage.
    """
    named: dict[str, npt.NDArray[np.bool_]] = {}
    if is_coco_mask(uri):
        try:
            named = read_named_coco_masks(uri)
        except (ValueError, KeyError, TypeError, AuditError) as error:
            raise UnreadableImage("mask", str(error)) from error
    return named or ({name: read_mask(source, uri)} if name else {})


def fit_mask(mask: npt.NDArray[np.bool_], placement: Placement) -> npt.NDArray[np.bool_]:
    """The mask in the size of its image.

    Returns: bool, shape (placement.height, placement.width).

    Raises: UnreadableImage for a mask of another aspect: it belongs to another image.
    """
    height, width = mask.shape
    if (width, height) == (placement.width, placement.height):
        return mask
    if abs(width * placement.height - height * placement.width) > 0.01 * width * placement.height:
        raise UnreadableImage(
            "mask",
            f"the mask has {width} x {height} pixels, the image {placement.width} x "
            f"{placement.height}",
        )
    size = (placement.width, placement.height)
    return cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
