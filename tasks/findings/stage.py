"""From the verdicts of a run to what they say about its classes, pairs and slices."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.findings.background_stats import background_stats
from tasks.findings.findings import find
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_table


def write_findings(run: RunFolder) -> None:
    """Write `background_stats` and `findings` from `verdicts`, the manifest's tags and, where they
    were computed, the contexts. Without labelled images both tables are empty.

    Raises: AuditError where the audit or its verdicts are missing.
    """
    verdicts = run.dataset("verdicts").to_table().to_pandas()
    tags = manifest_tags(run.dataset("manifest").to_table(columns=["image_id", "tags"]))
    stats = background_stats(verdicts, tags)
    found = find(
        stats,
        verdicts,
        run.audit()["classes"],
        _optional(run, "context_risks"),
        _optional(run, "context_clusters"),
        tags=tags,
    )
    write_table(run.table_file("background_stats"), stats)
    write_table(run.table_file("findings"), found)


def manifest_tags(manifest: pa.Table) -> pd.DataFrame:
    """One column per tag and the column image_id, one row per image; None where there is no value.

    manifest : columns image_id and tags (map of strings). A tag called image_id is left out: it
        would name single images
    """
    rows = [dict(tags or ()) for tags in manifest["tags"].to_pylist()]
    names = sorted({name for row in rows for name in row} - {"image_id"})
    columns = {name: [row.get(name) for row in rows] for name in names}
    ids = {"image_id": manifest["image_id"].to_pylist()}
    return pd.DataFrame(ids | columns)


def _optional(run: RunFolder, name: str) -> pd.DataFrame | None:
    file = run.table_file(name)
    return pq.read_table(file).to_pandas() if file.exists() else None
