"""Pictures of maps, as a browser sees them."""

from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image


def rgba(png: bytes) -> npt.NDArray[np.int64]:
    """Shape (rows, cols, 4), 0 to 255."""
    return np.asarray(Image.open(BytesIO(png)).convert("RGBA")).astype(np.int64)
