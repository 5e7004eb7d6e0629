"""The pictures of the exemplars: one JPEG of the model's view per image, and the cells of its
maps, which the browser draws over it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from reports.colour_scale import Scales
from reports.colours import Map
from reports.map_cells import map_data
from reports.model_view import draw_view, encode_jpeg, outline_path
from reports.spread import spread
from reports.stored_maps import MapKey
from reports.tables import AuditTables
from tasks.images.decoding import ImageSource, Pixels, UnreadableImage, decode_image
from tasks.images.geometry import place
from tasks.tables.image_schema import COUNTED_ROLES


@dataclass(frozen=True)
class DrawnMap:
    """data : of `map_data`, '' where the map is no evidence; `badge` then says why
    object_energy, lift, border_share : NaN where unknown
    pointing_hit : None where unknown
    """

    data: str
    badge: str
    class_idx: int
    object_energy: float
    lift: float
    border_share: float
    pointing_hit: bool | None


@dataclass(frozen=True)
class Picture:
    """src : path in the report of the model's view, '' where the image cannot be read any more
    note : why it cannot
    outline : SVG path data of the object, in a square of `side` pixels
    maps : by role
    """

    image_id: int
    name: str
    uri: str
    src: str
    note: str
    outline: str
    side: int
    maps: dict[str, DrawnMap]


def draw_pictures(tables: AuditTables, image_ids: set[int], folder: Path) -> Iterator[Picture]:
    """Begin to draw images into `folder`, without their maps."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows = _image_rows(tables, sorted(image_ids))
    return spread(partial(_draw, ImageSource(), folder, tables.crop), rows)


def with_maps(
    tables: AuditTables,
    pictures: Iterable[Picture],
    keys: set[MapKey],
    raw: dict[MapKey, Map],
    scales: Scales,
) -> Iterator[Picture]:
    """The pictures with those of their maps that are wanted.

    keys : (image_id, role); raw : those of them that are evidence
    """
    maps = _draw_maps(tables, keys, raw, scales)
    return (replace(picture, maps=maps[picture.image_id]) for picture in pictures)


def _draw(source: ImageSource, folder: Path, view: tuple[int, int], row: dict[str, Any]) -> Picture:
    """A picture without its maps.

    view : shorter side after the resize and side of the crop, pixels
    """
    image_id, uri = row["image_id"], row["uri"]
    image, note = _read(source, uri)
    width, height = (row["width"], row["height"]) if image is None else image.shape[1::-1]
    placement = place(int(width), int(height), *view)
    src = ""
    if image is not None:
        src = f"images/{image_id}.jpg"
        (folder / src).write_bytes(encode_jpeg(draw_view(image, placement)))
    return Picture(
        image_id=image_id,
        name=uri.replace("\\", "/").rsplit("/", 1)[-1],
        uri=uri,
        src=src,
        note=note,
        outline=outline_path(source, row["mask_uri"], row["boxes"] or [], placement),
        side=view[1],
        maps={},
    )


def _draw_maps(
    tables: AuditTables, keys: set[MapKey], raw_maps: dict[MapKey, Map], scales: Scales
) -> dict[int, dict[str, DrawnMap]]:
    drawn: dict[int, dict[str, DrawnMap]] = {image_id: {} for image_id, _ in sorted(keys)}
    for row in tables.rows_of(drawn).to_dict("records"):
        for role in COUNTED_ROLES:
            key = row["image_id"], role
            if key in keys and isinstance(row[f"{role}_state"], str):
                drawn[key[0]][role] = _drawn_map(raw_maps.get(key), row, role, scales)
    return drawn


def _drawn_map(raw: Map | None, row: dict[Any, Any], role: str, scales: Scales) -> DrawnMap:
    data, badge, signed = "", "", role == "contrast"
    hit = f"{role}_pointing_hit"
    if raw is not None:
        scale = scales.contrast if signed else scales.positive
        data = map_data(raw, scale.limit, signed=signed)
    elif row[f"{role}_state"] == "not_finite":
        badge = "map is not finite"
    else:
        badge = "no evidence either way" if signed else "no positive evidence"
    return DrawnMap(
        data=data,
        badge=badge,
        class_idx=row["label" if role == "label" else "predicted"],
        object_energy=row[f"{role}_object_energy"],
        lift=row[f"{role}_lift"],
        border_share=row[f"{role}_border_share"],
        pointing_hit=None if row[hit] is pd.NA else row[hit],
    )


def _image_rows(tables: AuditTables, ids: list[int]) -> list[dict[str, Any]]:
    """Where images are and their sizes, in the order of image_id, so that rows of one Parquet file
    are read together."""
    manifest = tables.run.dataset("manifest")
    columns = ["image_id", "uri", "mask_uri", "boxes"]
    rows = manifest.to_table(columns=columns, filter=pc.field("image_id").isin(ids)).to_pylist()
    sizes = tables.rows_of(ids)[["width", "height"]].to_dict("records")
    by_id = dict(zip(ids, sizes, strict=True))
    return [row | by_id[row["image_id"]] for row in sorted(rows, key=itemgetter("image_id"))]


def _read(source: ImageSource, uri: str) -> tuple[Pixels | None, str]:
    try:
        return decode_image(source.read(uri)), ""
    except UnreadableImage as error:
        return None, str(error)
