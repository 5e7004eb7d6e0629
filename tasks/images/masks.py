"""The mask of an image, from a file of its own or from a COCO json."""

import numpy as np
import numpy.typing as npt

from tasks.errors import AuditError
from tasks.images.coco_masks import is_coco_mask, read_coco_mask
from tasks.images.decoding import ImageSource, UnreadableImage, decode_mask


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
