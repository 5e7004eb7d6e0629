"""The cells of the target layer of all images, read a few images at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.clusters.exact_distances import Floats, unit_vectors
from tasks.clusters.stored_lists import list_matrix
from tasks.statistics.seeded_hash import Ids, draw_ids, hash_ids
from tasks.tables.by_image import stored_image_ids
from tasks.tables.storage import RunFolder

_FIT_IMAGES = 20_000
_FIT_CELLS = 1_000_000  # 128 MB of float32
_NUMBERS_AT_ONCE = 2**22


@dataclass(frozen=True)
class ImageCells:
    """Cells of N images.

    image_id : int64, shape (N,)
    vectors : float64, shape (N, cells, D), of length 1 and on the grid of `exact_distances`
    usable : bool, shape (N, cells), False for a cell without a direction
    coverage : float64, shape (N, cells), share of the cell that is object; NaN: unknown
    """

    image_id: Ids
    vectors: Floats
    usable: npt.NDArray[np.bool_]
    coverage: Floats


def read_cells(run: RunFolder, image_ids: Ids | None = None) -> Iterator[ImageCells]:
    """All images, or those of `image_ids`, in batches whose size the number of cells sets."""
    schema = run.dataset("cells").schema
    size = max(1, _NUMBERS_AT_ONCE // schema.field("vectors").type.list_size)
    chosen = None if image_ids is None else pc.field("image_id").isin(pa.array(image_ids))
    for batch in run.batches("cells", schema.names, chosen, size):
        if len(batch):
            yield _image_cells(batch)


def _image_cells(batch: pa.RecordBatch) -> ImageCells:
    coverage = list_matrix(batch["coverage"]).astype(np.float64)
    images, cells = coverage.shape
    vectors, usable = unit_vectors(list_matrix(batch["vectors"]).reshape(images, cells, -1))
    return ImageCells(batch["image_id"].to_numpy(), vectors, usable, coverage)


def drawn_cells(run: RunFolder, seed: int) -> tuple[npt.NDArray[np.float32], int]:
    """The cells that clusters are fitted on: of at most 20,000 images drawn by a seeded hash, and
    of these only the background where the object is known.

    Returns: float32 (M, D), which holds the grid's values as they are, in an order that the hash
    sets, M at most about a million; and the number of images drawn.
    """
    schema = run.dataset("cells").schema
    cells = schema.field("coverage").type.list_size
    image_ids = stored_image_ids(run, "cells")
    drawn = draw_ids(image_ids, min(_FIT_IMAGES, max(1, _FIT_CELLS // cells)), seed)
    dimensions = schema.field("vectors").type.list_size // cells
    parts = [np.empty((0, dimensions), dtype=np.float32)]
    owners = [np.empty(0, dtype=np.int64)]
    for batch in read_cells(run, drawn):
        chosen = batch.usable & ~(batch.coverage >= 0.5)
        parts.append(batch.vectors[chosen].astype(np.float32))
        owners.append(np.repeat(batch.image_id, chosen.sum(axis=1)))
    order = np.argsort(hash_ids(np.concatenate(owners), seed), kind="stable")
    found = np.concatenate(parts)
    parts.clear()  # 128 MB, which the order's copy needs
    return found[order], len(drawn)
