"""The colours of maps, for the script that draws them and for the bars of legends."""

import base64
import json
from pathlib import Path

import numpy as np

from reports.colours import positive_png, positive_rgba, signed_png, signed_rgba

_WIDTH = 256
_STEPS = 1024  # of a colour scale on either side of zero, where opacity is steep


def write_legends(assets: Path) -> None:
    """Write legend-positive.png and legend-signed.png, see-through as the maps are."""
    steps = np.linspace(0, 1, _WIDTH, dtype=np.float32)[None, :]
    (assets / "legend-positive.png").write_bytes(positive_png(steps, 1.0))
    (assets / "legend-signed.png").write_bytes(signed_png(2 * steps - 1, 1.0))


def write_colours(assets: Path) -> None:
    """Write colours.js: RGBA of even steps by kind of map, in base64, for maps.js."""
    colours = {
        "positive": positive_rgba(np.linspace(0, 1, _STEPS)),
        "signed": signed_rgba(np.linspace(-1, 1, 2 * _STEPS - 1)),
    }
    packed = {kind: base64.b64encode(rgba.tobytes()).decode() for kind, rgba in colours.items()}
    (assets / "colours.js").write_text(
        f"(window.camaudit ??= {{}}).colours = {json.dumps(packed)};\n"
    )
