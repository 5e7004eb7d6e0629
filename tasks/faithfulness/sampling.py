"""Which images are measured: a random sample, the same share of every label."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from tasks.errors import AuditError
from tasks.tables.storage import RunFolder

Ids = npt.NDArray[np.int64]


def sample_rows(run: RunFolder, images: int, seed: int) -> tuple[list[dict[str, Any]], int]:
    """Rows of the manifest, by image_id, and the number of images that they were drawn from.

    An image in `failures` is never drawn.

    images : how many; all where there are fewer

    Raises: AuditError where no image is left.
    """
    audited = run.dataset("predictions").to_table(columns=["image_id", "label"]).to_pandas()
    failed = run.dataset("failures").to_table(columns=["image_id"]).to_pandas()["image_id"]
    usable = audited[~audited["image_id"].isin(failed)]
    if not len(usable):
        raise AuditError(
            f"{run.root} has no image to measure on: all are among its failures. Mend the images "
            "and run the audit again"
        )
    chosen = stratified_sample(
        usable["image_id"].to_numpy(), usable["label"].to_numpy(), images, seed
    )
    manifest = run.dataset("manifest").to_table(filter=pc.field("image_id").isin(chosen.tolist()))
    rows: list[dict[str, Any]] = manifest.sort_by("image_id").to_pylist()
    return rows, len(usable)


def stratified_sample(image_ids: Ids, labels: Ids, size: int, seed: int) -> Ids:
    """A systematic sample from images in random order within each label (Cochran 1977, section
    8.3): every image is drawn with the same probability, and each label gets its share of
    `size`, rounded up or down.

    image_ids, labels : shape (N,); unknown labels (-1) are a stratum of their own

    Returns: sorted image_ids, min(size, N) of them.
    """
    generator = np.random.default_rng(seed)
    by_id = np.argsort(image_ids, kind="stable")
    ids, strata = image_ids[by_id], labels[by_id]
    order = np.lexsort((generator.random(len(ids)), strata))
    size = min(size, len(ids))
    places = (generator.random() + np.arange(size)) * len(ids) / size
    return np.sort(ids[order[places.astype(np.int64)]])
