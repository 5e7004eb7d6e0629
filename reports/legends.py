"""The colour bars that legends show."""

from pathlib import Path

import cv2
import numpy as np

from reports.colours import colour_positive, colour_signed, encode

_WIDTH = 256


def write_legends(assets: Path) -> None:
    """Write legend-positive.webp and legend-signed.webp, see-through as the maps are."""
    steps = np.linspace(0, 1, _WIDTH, dtype=np.float32)[None, :]
    for name, bar in (
        ("positive", colour_positive(steps, 1.0)),
        ("signed", colour_signed(2 * steps - 1, 1.0)),
    ):
        wide = cv2.resize(bar, (_WIDTH, 4), interpolation=cv2.INTER_NEAREST)
        (assets / f"legend-{name}.webp").write_bytes(encode(wide.astype(np.uint8)))
