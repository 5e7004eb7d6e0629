"""Images of two audits side by side, each with the map of its audit."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from reports.colour_scale import ColourScale, choose_scale
from reports.colours import Map, positive_png
from reports.model_view import draw_view, encode_jpeg, outline_path
from reports.stored_maps import MapKey, fetch_maps
from reports.views.explain_plates import PictureFolder
from tasks.diff.run_images import RunImages
from tasks.errors import AuditError
from tasks.images.decoding import ImageSource, UnreadableImage, decode_image
from tasks.images.geometry import place
from tasks.tables.storage import RunFolder

Row = dict[str, Any]


@dataclass(frozen=True)
class SidePicture:
    """src : path in the folder of the model's view, '' where the image cannot be read any more
    map_src : of the map over it, '' where it has no positive value
    outline : SVG path data of the object in a square of `side` pixels
    """

    src: str
    map_src: str
    outline: str
    side: int


@dataclass(frozen=True)
class TwoPictures:
    """row : of MISTAKE_CHANGES or MAP_CHANGES"""

    row: Row
    name: str
    role: str
    a: SidePicture
    b: SidePicture


class PictureDrawer:
    """Draws the chosen images of one audit on one colour scale."""

    def __init__(self, run: RunImages, files: PictureFolder) -> None:
        self._run, self._files, self._source = run, files, ImageSource()
        self.scale = positive_scale(run.run)
        settings = run.audit.get("preprocessing") or {}
        try:
            self._size = int(settings["resize"]), int(settings["crop"])
        except (KeyError, TypeError, ValueError) as error:
            raise AuditError(
                f"{run.run.audit_file} says nothing usable under preprocessing; expected whole "
                f"numbers resize and crop, got {settings!r}. Run the audit again"
            ) from error
        self._views: dict[int, SidePicture] = {}

    def draw(self, keys: Iterable[MapKey]) -> dict[MapKey, SidePicture]:
        """By (image_id, role)."""
        wanted = sorted(set(keys))
        maps = fetch_maps(self._run.run, wanted)
        ids = sorted({image_id for image_id, _ in wanted})
        columns = ["image_id", "uri", "mask_uri", "boxes"]
        manifest = self._run.run.dataset("manifest")
        chosen = manifest.to_table(columns=columns, filter=pc.field("image_id").isin(ids))
        rows = {row["image_id"]: row for row in chosen.to_pylist()}
        return {key: self._picture(rows[key[0]], maps.get(key)) for key in wanted}

    def _picture(self, row: Row, raw: Map | None) -> SidePicture:
        image_id = row["image_id"]
        if image_id not in self._views:
            self._views[image_id] = self._view(row)
        view, map_src = self._views[image_id], ""
        if raw is not None:
            map_src = self._files.add(positive_png(raw, self.scale.limit), "png")
        return SidePicture(view.src, map_src, view.outline, view.side)

    def _view(self, row: Row) -> SidePicture:
        resize, crop = self._size
        try:
            image = decode_image(self._source.read(row["uri"]))
        except UnreadableImage:
            return SidePicture("", "", "", crop)
        placement = place(image.shape[1], image.shape[0], resize, crop)
        src = self._files.add(encode_jpeg(draw_view(image, placement)), "jpg")
        outline = outline_path(self._source, row["mask_uri"], row["boxes"] or [], placement)
        return SidePicture(src, "", outline, crop)


def draw_both(
    rows: list[tuple[Row, str]], drawers: tuple[PictureDrawer, PictureDrawer]
) -> list[TwoPictures]:
    """Each (row, role) as a pair of pictures; role: whose maps are drawn."""
    sides = [
        drawer.draw((row[f"image_id_{side}"], role) for row, role in rows)
        for drawer, side in zip(drawers, "ab", strict=True)
    ]
    return [
        TwoPictures(
            row,
            row["uri"].replace("\\", "/").rsplit("/", 1)[-1],
            role,
            sides[0][(row["image_id_a"], role)],
            sides[1][(row["image_id_b"], role)],
        )
        for row, role in rows
    ]


def positive_scale(run: RunFolder) -> ColourScale:
    """The colour scale of an audit's maps of predicted classes, as in its report."""
    chosen = (
        (pc.field("role") == "predicted")
        & (pc.field("state") == "ok")
        & (pc.field("method") == run.first_method())
    )
    peaks = run.dataset("heatmaps").to_table(columns=["scale"], filter=chosen)
    return choose_scale(peaks["scale"].to_pandas())
