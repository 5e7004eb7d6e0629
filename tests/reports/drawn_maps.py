"""Maps as a browser sees them: pictures, and what a canvas is drawn from."""

import base64
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image


def rgba(png: bytes) -> npt.NDArray[np.int64]:
    """Shape (rows, cols, 4), 0 to 255."""
    return np.asarray(Image.open(BytesIO(png)).convert("RGBA")).astype(np.int64)


def drawn_values(data: str) -> tuple[str, npt.NDArray[np.float64]]:
    """The kind of colours, and the cells in units of the strongest colour; shape (rows, cols)."""
    kind, cols, unit, cells = data.split(" ")
    found = np.frombuffer(base64.b64decode(cells), np.uint8).astype(np.float64)
    shares = (found - 128) / 127 if kind == "signed" else found / 255
    return kind, float(unit) * shares.reshape(-1, int(cols))
