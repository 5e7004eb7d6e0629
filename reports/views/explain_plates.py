"""The pictures of `camaudit explain`, each with what is said under it."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reports.colours import positive_png, signed_png
from reports.formats import percent
from reports.views.explain_colours import (
    colour_concept,
    colour_concepts,
    colour_hex,
    colour_saliency,
)
from reports.views.tile_colours import Values
from reports.views.tile_grids import TileGrid, encode_sharp
from tasks.views.explanation import (
    Concepts,
    Heatmap,
    PixelView,
    RandomisedView,
    SanityRow,
    state_of,
)

_NO_MAP = {"empty": "no positive evidence", "not_finite": "map is not finite"}
_NO_VIEW = {"empty": "nothing comes back to the pixels", "not_finite": "not finite"}


@dataclass(frozen=True)
class Plate:
    """src : path in the folder; '' where there is nothing to draw, and `badge` says why
    over : the picture is see-through and lies over the model's view
    peak : raw value of the largest, NaN where nothing is drawn
    colour : of a concept, as CSS takes it
    """

    title: str
    src: str
    badge: str
    over: bool
    peak: float = math.nan
    remark: str = ""
    colour: str = ""


@dataclass(frozen=True)
class Label:
    """Where the number of a unit stands, in percent of the picture."""

    unit: int
    left: float
    top: float


@dataclass(frozen=True)
class GridPicture:
    """A grid of tiles as a file, with the number of the unit of each tile."""

    src: str
    width: int
    height: int
    signed: bool
    limit: float
    labels: tuple[Label, ...]


class PictureFolder:
    """Writes pictures, named by numbers alone, under FOLDER/pictures."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._written = folder, 0
        (folder / "pictures").mkdir()

    def add(self, content: bytes, ending: str) -> str:
        """The path of the new picture in the folder."""
        self._written += 1
        name = f"pictures/{self._written:04d}.{ending}"
        (self._folder / name).write_bytes(content)
        return name


def map_plate(files: PictureFolder, heatmap: Heatmap, limit: float, title: str = "") -> Plate:
    """A map over the view; `limit` is the value of the strongest colour, NaN for its own peak."""
    title, values = title or heatmap.title, heatmap.values
    state = state_of(values)
    if state != "ok":
        return Plate(title, "", _NO_MAP[state], over=True)
    peak = float(np.abs(values).max())
    return Plate(title, _draw_map(files, values, limit), "", over=True, peak=peak)


def common_limit(heatmaps: tuple[Heatmap, ...]) -> float:
    """The largest absolute value of the maps that can be drawn; 1 where there is none."""
    peaks = [float(np.abs(each.values).max()) for each in heatmaps if state_of(each.values) == "ok"]
    return max(peaks, default=1.0)


def pixel_plate(files: PictureFolder, view: PixelView) -> Plate:
    """An opaque view at the pixels."""
    state = state_of(view.values)
    if state != "ok":
        return Plate(view.title, "", _NO_VIEW[state], over=False, remark=f"from {view.start}")
    peak = float(np.abs(view.values).max())
    src = _draw_pixels(files, view.values, signed=view.signed)
    return Plate(view.title, src, "", over=False, peak=peak, remark=f"from {view.start}")


def sanity_plates(files: PictureFolder, row: SanityRow) -> list[Plate]:
    """The views of one row of the sanity check."""
    return [_sanity_plate(files, view) for view in row.views]


def _sanity_plate(files: PictureFolder, view: RandomisedView) -> Plate:
    title = view.layer or "as trained"
    over, state = view.values.ndim == 2, state_of(view.values)
    remark = "" if not view.layer else "ρ –"
    if view.layer and math.isfinite(view.correlation):
        remark = f"ρ {view.correlation:.2f}".replace("-", "−")
    if state != "ok":
        badge = (_NO_MAP if over else _NO_VIEW)[state]
        return Plate(title, "", badge, over=over, remark=remark)
    if over:
        src = _draw_map(files, view.values, math.nan)
    else:
        src = _draw_pixels(files, view.values, signed=True)
    return Plate(title, src, "", over, float(np.abs(view.values).max()), remark)


def concept_plates(files: PictureFolder, concepts: Concepts) -> list[Plate]:
    """All concepts in one picture on one scale, then each alone up to its own peak."""
    limit = float(concepts.maps.max())
    together = files.add(encode_sharp(colour_concepts(concepts.maps, limit)), "webp")
    plates = [Plate("All concepts", together, "", over=True)]
    for number, (amounts, share) in enumerate(zip(concepts.maps, concepts.shares, strict=True)):
        name, colour = f"Concept {number + 1}", colour_hex(number)
        if not amounts.any():
            plates.append(Plate(name, "", "not in this image", over=True, colour=colour))
            continue
        src = files.add(encode_sharp(colour_concept(amounts, float(amounts.max()), number)), "webp")
        plates.append(Plate(name, src, "", over=True, remark=percent(share), colour=colour))
    return plates


def grid_picture(files: PictureFolder, grid: TileGrid, units: tuple[int, ...]) -> GridPicture:
    """The grid as a file; `units` are the numbers of its tiles, or () for none."""
    height, width = grid.picture.shape[:2]
    labels = tuple(
        Label(
            unit,
            round(100 * (place % grid.columns) * (grid.tile_width + grid.gap) / width, 3),
            round(100 * (place // grid.columns) * (grid.tile_height + grid.gap) / height, 3),
        )
        for place, unit in enumerate(units)
    )
    src = files.add(encode_sharp(grid.picture), "webp")
    return GridPicture(src, width, height, grid.signed, float(grid.limits.max()), labels)


def _draw_map(files: PictureFolder, values: Values, limit: float) -> str:
    strongest = float(np.abs(values).max()) if math.isnan(limit) else limit
    draw = signed_png if values.min() < 0 else positive_png
    return files.add(draw(values, strongest), "png")


def _draw_pixels(files: PictureFolder, values: Values, *, signed: bool) -> str:
    return files.add(encode_sharp(colour_saliency(values, signed=signed)), "webp")
