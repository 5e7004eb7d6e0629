"""The layers whose units are mined, as audit.json lists them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cam_kernels.layers.receptive_field import ReceptiveField


@dataclass(frozen=True)
class MinedLayer:
    """A layer and its units' place among those of all layers.

    field : None stands for all that the model sees
    """

    name: str
    start: int
    channels: int
    rows: int
    cols: int
    field: ReceptiveField | None

    @property
    def stop(self) -> int:
        return self.start + self.channels


def mined_layers(model: dict[str, Any]) -> list[MinedLayer]:
    """The layers in the order of their units, the target layer first.

    model : what audit.json says of it
    """
    layers: list[MinedLayer] = []
    for facts in model["unit_layers"]:
        sees = facts["receptive_field"]
        field = sees and ReceptiveField(**{name: tuple(pair) for name, pair in sees.items()})
        grid = {key: facts[key] for key in ("name", "channels", "rows", "cols")}
        start = layers[-1].stop if layers else 0
        layers.append(MinedLayer(start=start, field=field or None, **grid))
    return layers


def layer_of_unit(layers: list[MinedLayer], unit: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Which of the layers each unit, numbered through all layers, belongs to."""
    return np.searchsorted([layer.stop for layer in layers], unit, side="right")


def unit_chunks(units: int, bytes_per_unit: int, most_bytes: int) -> list[slice]:
    """All units in as few runs as possible that each take at most `most_bytes` (one unit at
    least)."""
    step = max(1, most_bytes // bytes_per_unit)
    return [slice(start, min(start + step, units)) for start in range(0, units, step)]
