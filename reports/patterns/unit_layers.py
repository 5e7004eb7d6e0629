"""The layers whose units were mined, and the part of an image around a unit's peak."""

import functools
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tasks.images.geometry import Placement

Box = tuple[int, int, int, int]  # top, left, bottom, right; the last two exclusive
Pair = tuple[int, int]  # rows, columns

VIEW_SHARE = 0.36  # side of a crop around a peak, in sides of the model's view
CELLS_ACROSS = 2.5  # a crop is at least this many cells wide


@dataclass(frozen=True)
class UnitLayer:
    """A layer of `channels` units, each on a grid of rows x cols.

    start, jump : first pixel that the unit of cell (0, 0) sees, and how far it moves from cell to
        cell, in pixels of the view; None where every unit sees all
    size : of the receptive field, in pixels; None likewise
    ceiling : what the layer cuts its units off at; peaks are those before; None where it does not
    """

    name: str
    channels: int
    rows: int
    cols: int
    start: Pair | None
    jump: Pair | None
    size: Pair | None
    ceiling: float | None = None

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Self:
        """From an entry of audit.json's `unit_layers`."""
        sees = facts.get("receptive_field") or {}
        pairs = {key: _pair(sees[key]) if sees else None for key in ("start", "jump", "size")}
        channels, rows, cols = (int(facts[key]) for key in ("channels", "rows", "cols"))
        name, ceiling = str(facts["name"]), facts.get("ceiling")
        return cls(name, channels, rows, cols, **pairs, ceiling=ceiling)

    def centre(self, row: int, col: int, view: int) -> tuple[float, float]:
        """Of a unit's receptive field, in pixels of the square view of side `view`: down, across;
        where every unit sees all, of the cell in a grid drawn over the view. Inside the view."""
        if self.start is None or self.jump is None or self.size is None:
            middle = (row + 0.5) * view / self.rows, (col + 0.5) * view / self.cols
        else:
            down, across = (
                self.start[axis] + cell * self.jump[axis] + self.size[axis] / 2
                for axis, cell in enumerate((row, col))
            )
            middle = down, across
        return min(max(middle[0], 0.0), view), min(max(middle[1], 0.0), view)

    def crop_side(self, view: int) -> float:
        """Side of the crop around a peak in pixels of the view: VIEW_SHARE of it, or as wide as
        CELLS_ACROSS cells, at most the whole view. A person names the part from this much; the
        receptive field of a late layer is often the whole view (as in arXiv:1412.6856, where a
        unit answers to a far smaller part of what it could see)."""
        cell = view / min(self.rows, self.cols)
        return min(float(view), max(VIEW_SHARE * view, CELLS_ACROSS * cell))


def crop_around(layer: UnitLayer, row: int, col: int, placement: Placement) -> Box:
    """The square around a peak in pixels of the image, moved into what the model saw."""
    view = placement.crop
    side = layer.crop_side(view)
    middle = layer.centre(row, col, view)
    top, left = (min(max(at - side / 2, 0.0), view - side) for at in middle)
    return in_image(placement, top, left, top + side, left + side)


def view_box(placement: Placement) -> Box:
    """What the model saw, in pixels of the image."""
    return in_image(placement, 0, 0, placement.crop, placement.crop)


@functools.lru_cache(maxsize=2**14)  # many images have one size, and units peak in few cells
def in_image(placement: Placement, *edges: float) -> Box:
    """Top, left, bottom, right in pixels of the view as a box in pixels of the image."""
    whole = np.array([[round(edge) for edge in edges]], dtype=np.int64)
    top, left, bottom, right = placement.to_image(whole)[0].tolist()
    return top, left, bottom, right


def _pair(values: Any) -> Pair:
    first, second = values
    return int(first), int(second)
