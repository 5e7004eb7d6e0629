"""The colour bars that legends show."""

from pathlib import Path

import numpy as np

from reports.colours import positive_png, signed_png

_WIDTH = 256


def write_legends(assets: Path) -> None:
    """Write legend-positive.png and legend-signed.png, see-through as the maps are."""
    steps = np.linspace(0, 1, _WIDTH, dtype=np.float32)[None, :]
    (assets / "legend-positive.png").write_bytes(positive_png(steps, 1.0))
    (assets / "legend-signed.png").write_bytes(signed_png(2 * steps - 1, 1.0))
