"""The pictures of the exemplars: one JPEG of the model's view per image, one see-through
picture per map. The browser lays one over the other."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from reports.colour_scale import Scales
from reports.colours import Map, positive_png, signed_png
from reports.model_view import draw_view, encode_jpeg, outline_path
from reports.stored_maps import MapKey, fetch_maps
from reports.tables import AuditTables
from tasks.images.decoding import ImageSource, Pixels, UnreadableImage, decode_image
from tasks.images.geometry import place

MOST_THREADS = 8  # coding a picture takes most of the time, and leaves Python to the others


@dataclass(frozen=True)
class DrawnMap:
    """src : path in the report, '' where the map is no evidence; `badge` then says why
    object_energy, lift, border_share : NaN where unknown
    pointing_hit : None where unknown
    """

    src: str
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


def draw_pictures(
    tables: AuditTables, keys: set[MapKey], scales: Scales, folder: Path
) -> dict[int, Picture]:
    """Draw the maps `keys` = (image_id, role) and their images into `folder`, by image_id."""
    resize, crop = tables.crop
    maps = _draw_maps(tables, keys, scales, folder)
    ids = sorted(maps)
    sizes = tables.predictions.set_index("image_id")[["width", "height"]]
    source = ImageSource()
    pictures = {}
    for row in _manifest_rows(tables, ids):
        image_id, uri = row["image_id"], row["uri"]
        image, note = _read(source, uri)
        width, height = sizes.loc[image_id] if image is None else image.shape[1::-1]
        placement = place(int(width), int(height), resize, crop)
        src = ""
        if image is not None:
            src = _write(folder, f"images/{image_id}.jpg", encode_jpeg(draw_view(image, placement)))
        pictures[image_id] = Picture(
            image_id=image_id,
            name=uri.replace("\\", "/").rsplit("/", 1)[-1],
            uri=uri,
            src=src,
            note=note,
            outline=outline_path(source, row["mask_uri"], row["boxes"] or [], placement),
            side=crop,
            maps=maps[image_id],
        )
    return pictures


def _draw_maps(
    tables: AuditTables, keys: set[MapKey], scales: Scales, folder: Path
) -> dict[int, dict[str, DrawnMap]]:
    raw_maps = fetch_maps(tables.run, keys)
    wanted = tables.evidence["image_id"].isin({image_id for image_id, _ in keys})
    rows = tables.evidence[wanted].to_dict("records")
    asked = [(key, row) for row in rows if (key := _key(row)) in keys]

    def draw(key: MapKey) -> str:
        raw = raw_maps.get(key)
        return "" if raw is None else _write_map(folder, key, raw, scales)

    drawn: dict[int, dict[str, DrawnMap]] = {image_id: {} for image_id, _ in sorted(keys)}
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as threads:
        files = threads.map(draw, [key for key, _ in asked])
        for (key, row), src in zip(asked, files, strict=True):
            drawn[key[0]][key[1]] = _drawn_map(src, row)
    return drawn


def _key(row: dict[Any, Any]) -> MapKey:
    return int(row["image_id"]), str(row["role"])


def _drawn_map(src: str, row: dict[Any, Any]) -> DrawnMap:
    badge = ""
    if not src and row["state"] == "not_finite":
        badge = "map is not finite"
    elif not src:
        badge = "no evidence either way" if row["role"] == "contrast" else "no positive evidence"
    return DrawnMap(
        src=src,
        badge=badge,
        class_idx=int(row["class_idx"]),
        object_energy=float(row["object_energy"]),
        lift=float(row["lift"]),
        border_share=float(row["border_share"]),
        pointing_hit=row["pointing_hit"] if isinstance(row["pointing_hit"], bool) else None,
    )


def _write_map(folder: Path, key: MapKey, raw: Map, scales: Scales) -> str:
    image_id, role = key
    if role == "contrast":
        content = signed_png(raw, scales.contrast.limit)
    else:
        content = positive_png(raw, scales.positive.limit)
    return _write(folder, f"maps/{role}/{image_id}.png", content)


def _manifest_rows(tables: AuditTables, ids: list[int]) -> Iterable[dict[str, Any]]:
    """In the order of image_id, so that rows of one Parquet file are read together."""
    manifest = tables.run.dataset("manifest")
    columns = ["image_id", "uri", "mask_uri", "boxes"]
    rows: list[dict[str, Any]] = manifest.to_table(
        columns=columns, filter=pc.field("image_id").isin(ids)
    ).to_pylist()
    return sorted(rows, key=lambda row: int(row["image_id"]))


def _read(source: ImageSource, uri: str) -> tuple[Pixels | None, str]:
    try:
        return decode_image(source.read(uri)), ""
    except UnreadableImage as error:
        return None, str(error)


def _write(folder: Path, name: str, content: bytes) -> str:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return name
