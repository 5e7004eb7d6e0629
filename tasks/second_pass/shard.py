"""The second pass over one shard of its plan: changed images in, rows of `evidence` out."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from tasks.explain.auditor import Auditor
from tasks.images.decoding import Pixels
from tasks.images.inputs import InputReader
from tasks.second_pass.object_views import ObjectViewReader
from tasks.second_pass.tested_shards import DONOR_LISTS
from tasks.second_pass.variants import NO_DONOR, Variant, variants_of
from tasks.tables.background_schemas import EVIDENCE
from tasks.tables.shards import Shard, write_record
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_table

_PICTURE_SIDE = 160
_JPEG_QUALITY = 85


@dataclass(frozen=True)
class ChangedImage:
    """A variant of a tested image, and what is asked about it.

    test : the image's row in the plan (keys of schema TESTS)
    """

    test: dict[str, Any]
    variant: Variant


def intervene_on_shard(auditor: Auditor, root: str, shard: Shard) -> dict[str, Any]:
    """Run the second pass over one shard and write its table, then its record.

    An image that cannot be read any more is left out; it counts as not tested.

    Returns: the record: shard, key, images, tested, forwards, seconds, and a checksum per file.
    """
    start = time.monotonic()
    run = RunFolder(root)
    tests = pq.read_table(run.partial_file("tests", shard.index)).to_pylist()
    images = pq.read_table(run.partial_file("images", shard.index))
    reader = _reader(images, auditor, tests)
    colour = 255 * np.array(auditor.preprocessing.mean)
    spread = 255 * np.array(auditor.preprocessing.std)
    # Reading, cutting and filling run beside each other; the model has all threads to itself.
    with ThreadPoolExecutor(max_workers=auditor.settings.threads) as pool:
        reader.read_donors(pool)
        of_each = pool.map(partial(_changes, reader=reader, colour=colour, spread=spread), tests)
        changed = [change for changes in of_each for change in changes]
    rows = _run(changed, auditor, colour)
    file = run.table_file("evidence", shard.index)
    write_table(file, pa.Table.from_pylist(rows, EVIDENCE))
    counts: dict[str, float] = {
        "images": len(tests),
        "tested": len({change.test["image_id"] for change in changed}),
        "forwards": len(changed) + 1,
        "seconds": time.monotonic() - start,
    }
    return write_record(run, shard, [file], counts)


def _reader(
    image_rows: pa.Table, auditor: Auditor, tests: list[dict[str, Any]]
) -> ObjectViewReader:
    donors = {donor for test in tests for kind in DONOR_LISTS for donor in test[kind]}
    reader = InputReader(auditor.preprocessing, auditor.settings.num_classes)
    return ObjectViewReader(reader, image_rows, sorted(donors))


def _changes(
    test: dict[str, Any], reader: ObjectViewReader, colour: np.ndarray, spread: np.ndarray
) -> list[ChangedImage]:
    image = reader.read(test["image_id"])
    if image is None:
        return []
    donors = [
        [donor for donor in map(reader.donor, test[role]) if donor is not None]
        for role in DONOR_LISTS
    ]
    variants = variants_of(image.pixels, image.object_mask, colour, spread, *donors)
    return [ChangedImage(test, variant) for variant in variants]


def _run(changed: list[ChangedImage], auditor: Auditor, colour: np.ndarray) -> list[dict[str, Any]]:
    """The image without object and background is the same for all: one forward, the last."""
    side = auditor.preprocessing.crop
    nothing = Variant("empty", 0, NO_DONOR, np.full((side, side, 3), np.rint(colour), np.uint8))
    logits = _logits([*(change.variant.pixels for change in changed), nothing.pixels], auditor)
    tests = {change.test["image_id"]: change.test for change in changed}
    emptied = [ChangedImage({**test, "keep_pictures": False}, nothing) for test in tests.values()]
    rows = [_row(change, of_one) for change, of_one in zip(changed, logits[:-1], strict=True)]
    return rows + [_row(change, logits[-1]) for change in emptied]


def _logits(views: list[Pixels], auditor: Auditor) -> torch.Tensor:
    batches = []
    for start in range(0, len(views), auditor.batch_size):
        batch = np.stack(views[start : start + auditor.batch_size]).transpose(0, 3, 1, 2)
        batches.append(auditor.logits(torch.from_numpy(np.ascontiguousarray(batch))))
    return torch.cat(batches)


def _row(change: ChangedImage, logits: torch.Tensor) -> dict[str, Any]:
    test, variant = change.test, change.variant
    predicted, against = test["predicted"], test["against_idx"]
    probability = logits.double().softmax(dim=0)
    return {
        "image_id": test["image_id"],
        "intervention": variant.intervention,
        "draw": variant.draw,
        "donor_id": variant.donor_id,
        "predicted": int(logits.argmax()),
        "logit_predicted": float(logits[predicted]),
        "logit_against": float(logits[against]),
        "probability_predicted": float(probability[predicted]),
        "probability_against": float(probability[against]),
        "picture": _picture(variant.pixels) if test["keep_pictures"] else None,
    }


def _picture(pixels: Pixels) -> bytes:
    side = min(_PICTURE_SIDE, len(pixels))
    small = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)
    parameters = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    return cv2.imencode(".jpg", small[:, :, ::-1], parameters)[1].tobytes()
