"""Rows of images as CSV, Parquet and a list of uris, as the explorer writes them."""

from pathlib import Path

import pandas as pd
import pyarrow as pa

from tasks.errors import AuditError
from tasks.tables.whole_files import atomic_path, write_table

_NOT_WRITTEN = ["width", "height", "map"]


def write_csv(frame: pd.DataFrame, out: Path) -> None:
    """frame : of `image_table`"""
    plain = _plain(frame)
    for name in plain.columns[plain.dtypes == "boolean"]:
        plain[name] = plain[name].map({True: "true", False: "false"}, na_action="ignore")
    single = plain.columns[plain.dtypes == "float32"]
    plain = plain.astype(dict.fromkeys(single, "float64"))  # as the page writes them
    with atomic_path(out) as temporary:
        plain.to_csv(temporary, index=False, lineterminator="\n")


def write_parquet(frame: pd.DataFrame, out: Path) -> None:
    """frame : of `image_table`"""
    plain = _plain(frame)
    table = pa.Table.from_pandas(plain, preserve_index=False).replace_schema_metadata(None)
    write_table(out, table)


def write_uris(frame: pd.DataFrame, out: Path) -> None:
    """A uri a line, for those who label again.

    Raises: AuditError for a uri that is more than a line.
    """
    broken = [uri for uri in frame["uri"] if len(uri.splitlines()) != 1]
    if broken:
        raise AuditError(
            f"{broken[0]!r} is empty or more than a line; expected uris of one line each for a "
            "list. Write csv or parquet instead"
        )
    with atomic_path(out) as temporary:
        temporary.write_text("".join(f"{uri}\n" for uri in frame["uri"]), encoding="utf-8")


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    plain = frame.drop(columns=_NOT_WRITTEN)
    if "contexts" in plain:
        plain["contexts"] = [" ".join(map(str, own)) for own in plain["contexts"]]
    return plain
