"""Training images with another background: the object of one image where that of another stood."""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import pyarrow as pa
import pyarrow.csv as pcsv

from tasks.errors import AuditError
from tasks.images.decoding import Pixels
from tasks.images.inputs import InputReader
from tasks.images.preprocessing import Preprocessing
from tasks.interventions.fills import on_background
from tasks.tables.whole_files import atomic_path
from tasks.training.lent_backgrounds import (
    Lender,
    chosen_lenders,
    digest_of,
    lenders,
    read_view,
)

PER_IMAGE = 4
_JPEG_QUALITY = 95

COMPOSITES = pa.schema(
    {
        "uri": pa.string(),  # of the picture
        "label": pa.int32(),  # that of the object
        "source_uri": pa.string(),  # whose object it is
        "donor_uri": pa.string(),  # whose background it is
        "donor_label": pa.int32(),
    }
)


@dataclass(frozen=True)
class Composites:
    """pictures : schema COMPOSITES, in the order of the images
    manifest : the same as CSV, its uris relative to it
    images : that have such pictures
    without_object : have none for want of a mask or box
    unfit : have none because the object is next to nothing or fills the view, or since image or
        mask cannot be read
    """

    pictures: pa.Table
    manifest: Path
    images: int
    without_object: int
    unfit: int

    def by_source(self) -> dict[str, list[str]]:
        """The pictures of each image, uris by uri."""
        found: dict[str, list[str]] = {}
        columns = (self.pictures[name].to_pylist() for name in ("source_uri", "uri"))
        for source, uri in zip(*columns, strict=True):
            found.setdefault(source, []).append(uri)
        return found


def write_composites(
    rows: pa.Table,
    preprocessing: Preprocessing,
    num_classes: int,
    out: Path,
    of: Collection[str] | None = None,
    per_image: int = PER_IMAGE,
    seed: int = 0,
    threads: int = 2,
    on_image: Callable[[], None] = lambda: None,
) -> Composites:
    """Lay the object of each image on backgrounds of other classes, as the audit's second pass
    does, and store the pictures under `out` with a manifest.

    A picture is the square view of side `resize`. Its name tells all that it is made from: what is
    there already stays, so a run that was ended goes on. Within a box the background stays.

    rows : schema MANIFEST, all training images; those with a mask or box lend their background
    of : uris of the images that get such pictures; None: all
    per_image : pictures of each, as far as there are donors
    on_image : called after each image

    Raises: AuditError where none of the images has a mask or box, where those with one that can be
    lent are of a single class, for `per_image` below 1 and for a folder that cannot be written.
    """
    if per_image < 1:
        raise AuditError(f"composites per image: expected at least 1, got {per_image}")
    reader = InputReader(replace(preprocessing, crop=preprocessing.resize), num_classes)
    every = rows.to_pylist()
    wanted = [row for row in every if row["label"] >= 0 and (of is None or row["uri"] in of)]
    known = with_objects(wanted)
    able = with_objects([row for row in every if row["label"] >= 0])
    found = []
    with _threads(threads) as pool:
        pools = lenders(able, reader, pool, seed)

        def compose(row: dict[str, Any]) -> list[dict[str, Any]]:
            return list(_compose(row, reader, pools, out, per_image, seed))

        for pictures in pool.map(compose, known):
            found.append(pictures)
            on_image()
    return _listed(found, out, len(wanted) - len(known))


@contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that do not go on with what is waiting once something went wrong, or Ctrl-C."""
    pool = ThreadPoolExecutor(max_workers=count)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def with_objects(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, of schema MANIFEST, that have a mask or box.

    Raises: AuditError where none has.
    """
    known = [row for row in rows if row["mask_uri"] is not None or row["boxes"]]
    if not known:
        raise AuditError(
            f"none of the {len(rows)} images to lay on other backgrounds has a mask or box, so "
            "it is not known where their objects are. Give masks (column mask_uri of the "
            "manifest), boxes, or both as COCO json with --annotations"
        )
    return known


def _compose(
    row: dict[str, Any],
    reader: InputReader,
    pools: dict[int, list[Lender]],
    out: Path,
    per_image: int,
    seed: int,
) -> Iterator[dict[str, Any]]:
    view = read_view(row, reader)
    if view is None:
        return
    for lender in chosen_lenders(row, view, pools, per_image, seed):
        side = len(view.pixels)
        stem = digest_of(row["uri"], row["content_key"], lender.uri, lender.content_key, side)
        file = out / f"class_{row['label']:03d}" / f"{stem}.jpg"
        if not file.exists():
            _store(file, on_background(view.pixels, view.object_mask, lender.background))
        yield {
            "uri": str(file),
            "label": row["label"],
            "source_uri": row["uri"],
            "donor_uri": lender.uri,
            "donor_label": lender.label,
        }


def _store(file: Path, pixels: Pixels) -> None:
    """Renamed into place, so that what is there is whole; not synced, since all of it can be made
    again."""
    parameters = [
        cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]  # fmt: skip
    encoded = cv2.imencode(".jpg", pixels[:, :, ::-1], parameters)[1].tobytes()
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(encoded)
        os.replace(temporary, file)
    except OSError as error:
        raise AuditError(
            f"{file} cannot be written: {error}. Make room, or give another --out; what is stored "
            "stays, and the same command goes on"
        ) from error


def _listed(found: Sequence[list[dict[str, Any]]], out: Path, without_object: int) -> Composites:
    pictures = pa.Table.from_pylist([one for each in found for one in each], COMPOSITES)
    made = sum(1 for each in found if each)
    relative = [os.path.relpath(uri, out) for uri in pictures["uri"].to_pylist()]
    manifest = out / "manifest.csv"
    with atomic_path(manifest) as temporary:
        table = pictures.set_column(0, "uri", pa.array(relative, pa.string()))
        pcsv.write_csv(table, temporary)
    return Composites(pictures, manifest, made, without_object, len(found) - made)
