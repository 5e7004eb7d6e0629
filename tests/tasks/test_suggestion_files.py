"""Lists as CSV and Parquet, and what is never written over."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import AuditError
from tasks.suggestions.suggestion_files import write_suggestions
from tasks.tables.suggestion_schemas import SUGGESTIONS

ROWS = [
    {"uri": '/i/a "b", c.png', "label": "mug", "action": "relabel", "finding": "doubtful label",
     "group": "mug", "weight": 1.0, "suggested_label": "boat", "reason": "é, ü", "rank": 0},
    {"uri": "/i/2.png", "label": "01", "action": "augment", "finding": "x -> y",
     "group": "01|not s = t", "weight": 2.5, "reason": "r", "rank": 1},
]  # fmt: skip


def table() -> pa.Table:
    return pa.Table.from_pylist([dict.fromkeys(SUGGESTIONS.names) | row for row in ROWS],
                                SUGGESTIONS)  # fmt: skip


def test_both_kinds_of_file_hold_the_list(tmp_path: Path) -> None:
    for name in ("s.csv", "s.parquet"):
        write_suggestions(table(), tmp_path / "new" / name)
        write_suggestions(table(), tmp_path / "new" / name)  # over an earlier list
    assert pq.read_table(tmp_path / "new" / "s.parquet").equals(table())
    read = pd.read_csv(tmp_path / "new" / "s.csv", dtype={"label": str}, keep_default_na=False)
    assert list(read.columns) == SUGGESTIONS.names
    for got, row in zip(read.to_dict("records"), ROWS, strict=True):
        assert {name: value for name, value in got.items() if value != ""} == row


def test_an_empty_list_has_its_columns(tmp_path: Path) -> None:
    write_suggestions(SUGGESTIONS.empty_table(), tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_text() == ",".join(SUGGESTIONS.names) + "\n"
    write_suggestions(table(), tmp_path / "s.csv")


def test_other_work_stays(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match=r"ends in '.txt'; expected .csv or .parquet"):
        write_suggestions(table(), tmp_path / "s.txt")
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(AuditError, match="is a folder"):
        write_suggestions(table(), tmp_path / "d.csv")
    for content in (b"uri,label\na,b\n", b"", b"\xff\xfe\x00", b'uri\n"broken'):
        for name in ("m.csv", "m.parquet"):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(AuditError, match="holds something else"):
                write_suggestions(table(), tmp_path / name)
            assert (tmp_path / name).read_bytes() == content


def test_labels_that_somebody_decided_stay(tmp_path: Path) -> None:
    file = tmp_path / "s.csv"
    write_suggestions(table(), file)
    frame = pd.read_csv(file, dtype=str)
    frame.assign(label_decided=["boat", None]).to_csv(file, index=False)
    with pytest.raises(AuditError, match=r"label_decided filled in \(rows: 1\)"):
        write_suggestions(table(), file)
