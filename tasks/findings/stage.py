"""From the verdicts of a run to what they say about its classes, pairs and slices."""

import pandas as pd
import pyarrow.parquet as pq

from tasks.findings.audited_images import audited_images, read_verdicts
from tasks.findings.background_stats import background_stats
from tasks.findings.findings import find
from tasks.tables.storage import RunFolder
from tasks.tables.tags import manifest_tags
from tasks.tables.whole_files import write_table


def write_findings(run: RunFolder) -> None:
    """Write `background_stats` and `findings` from `verdicts`, the manifest's tags and, where they
    were computed, the contexts. Without labelled images both tables are empty. Of every image 68
    bytes are held, and 8 for each tag.

    Raises: AuditError where the audit or its verdicts are missing.
    """
    images = audited_images(read_verdicts(run))
    tags = manifest_tags(run.batches("manifest", ["image_id", "tags"]))
    stats = background_stats(images, tags)
    found = find(
        stats,
        images,
        run.audit()["classes"],
        _optional(run, "context_risks"),
        _optional(run, "context_clusters"),
        tags=tags,
    )
    write_table(run.table_file("background_stats"), stats)
    write_table(run.table_file("findings"), found)


def _optional(run: RunFolder, name: str) -> pd.DataFrame | None:
    file = run.table_file(name)
    return pq.read_table(file).to_pandas() if file.exists() else None
