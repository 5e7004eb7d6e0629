"""The list as a file that a person looks through and `camaudit train` reads."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import AuditError
from tasks.tables.suggestion_schemas import SUGGESTIONS
from tasks.tables.whole_files import atomic_path, write_table

SUFFIXES = (".csv", ".parquet")


def write_suggestions(table: pa.Table, file: Path) -> None:
    """Write CSV or Parquet by the suffix, whole or not at all.

    table : of schema SUGGESTIONS

    Raises: AuditError as `refuse_other_file`; OSError where it cannot be written.
    """
    refuse_other_file(file)
    if file.suffix == ".parquet":
        write_table(file, table)
        return
    with atomic_path(file) as temporary:
        table.to_pandas().to_csv(temporary, index=False, lineterminator="\n")


def refuse_other_file(file: Path) -> None:
    """Let a list be written to a new file, or over an earlier list in which nothing was decided.

    Raises: AuditError for an unknown suffix, a folder, and a file that is anything else.
    """
    if file.suffix not in SUFFIXES:
        raise AuditError(
            f"{file} ends in {file.suffix or 'nothing'!r}; expected {' or '.join(SUFFIXES)}"
        )
    if file.is_dir():
        raise AuditError(f"{file} is a folder; expected a file to write. Give another --out")
    if not file.exists():
        return
    held = _read(file)
    if held is None or list(held.columns) != SUGGESTIONS.names:
        raise AuditError(
            f"{file} holds something else than a list of suggestions; expected a new file or an "
            "earlier list. Give another --out"
        )
    decided = int(held["label_decided"].notna().sum())
    if decided:
        raise AuditError(
            f"{file} has label_decided filled in (rows: {decided:,}); expected a list in which "
            "nobody has decided anything yet. Give another --out, or move it away"
        )


def _read(file: Path) -> pd.DataFrame | None:
    try:
        if file.suffix == ".parquet":
            return pq.read_table(file).to_pandas()
        return pd.read_csv(file, dtype=str, encoding="utf-8-sig")
    except (ValueError, pa.ArrowInvalid):  # what pandas raises for no CSV, and for no text
        return None
