"""Which images are measured: a random sample, the same share of every label."""

from typing import Any

import pyarrow.compute as pc

from tasks.errors import AuditError
from tasks.statistics.sampling import stratified_sample
from tasks.tables.storage import RunFolder


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
