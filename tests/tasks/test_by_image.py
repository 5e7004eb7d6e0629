"""Columns in the order of images, against dictionaries of rows."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.errors import AuditError
from tasks.tables.by_image import columns_by_image, is_among, stored_image_ids
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_table

SCHEMA = pa.schema(
    {"image_id": pa.int64(), "role": pa.string(), "label": pa.int32(), "score": pa.float32(),
     "correct": pa.bool_(), "source": pa.string()}
)  # fmt: skip
COLUMNS = SCHEMA.names[2:]
ROW = st.fixed_dictionaries(
    {"image_id": st.integers(0, 12), "role": st.sampled_from(["own", "other"]),
     "label": st.none() | st.integers(-1, 2**31 - 1),
     "score": st.none() | st.floats(width=32, allow_nan=False),
     "correct": st.none() | st.booleans(), "source": st.none() | st.sampled_from(["a", "", "é"])}
)  # fmt: skip
SHARDS = st.lists(st.lists(ROW, max_size=6), min_size=1, max_size=4)


def write(root: Path, shards: list[list[dict[str, Any]]]) -> RunFolder:
    run = RunFolder(root)
    for shard, rows in enumerate(shards):
        write_table(run.table_file("things", shard), pa.Table.from_pylist(rows, SCHEMA))
    return run


def once(shards: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """Without a second row of one image and role."""
    seen: set[tuple[int, str]] = set()
    kept: list[list[dict[str, Any]]] = []
    for rows in shards:
        kept.append([])
        for row in rows:
            key = row["image_id"], row["role"]
            kept[-1] += [] if key in seen else [row]
            seen.add(key)
    return kept


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SHARDS, st.sets(st.integers(0, 14)))
def test_equal_dictionaries(
    tmp_path_factory: pytest.TempPathFactory, shards: list[list[dict[str, Any]]], asked: set[int]
) -> None:
    shards = once(shards)
    run = write(tmp_path_factory.mktemp("run"), shards)
    rows = {row["image_id"]: row for part in shards for row in part if row["role"] == "own"}
    own = pc.field("role") == "own"
    assert stored_image_ids(run, "things", own).tolist() == sorted(rows)
    every = sorted(row["image_id"] for part in shards for row in part)
    assert stored_image_ids(run, "things").tolist() == every
    ids = np.array(sorted(asked), dtype=np.int64)
    found = columns_by_image(run, "things", COLUMNS, ids, own)
    for column in COLUMNS:
        values = np.asarray(found[column]).tolist()
        assert len(values) == len(ids)
        for image_id, value in zip(ids.tolist(), values, strict=True):
            wanted = rows.get(image_id, {}).get(column)
            assert value != value if wanted is None else value == wanted


def test_numbers_keep_their_type_where_all_are_there(tmp_path: Path) -> None:
    row = {"role": "own", "label": 2**31 - 1, "score": 0.1, "correct": True, "source": "a"}
    run = write(tmp_path, [[{**row, "image_id": 5}], [{**row, "image_id": 3}]])
    found = columns_by_image(run, "things", COLUMNS, np.array([3, 5]))
    assert [found[name].dtype for name in COLUMNS[:3]] == [np.int32, np.float32, np.bool_]
    partly = columns_by_image(run, "things", COLUMNS, np.array([3, 4]))
    assert [partly[name].dtype for name in COLUMNS[:3]] == [np.float64, np.float32, np.float64]
    assert partly["label"][0] == 2**31 - 1


@given(st.lists(st.integers(-3, 9)), st.sets(st.integers(-3, 9)))
def test_among(ids: list[int], known: set[int]) -> None:
    found = is_among(np.array(ids, np.int64), np.array(sorted(known), np.int64))
    assert found.tolist() == [image_id in known for image_id in ids]


def test_a_missing_table_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="table 'things' is missing"):
        stored_image_ids(RunFolder(tmp_path), "things")
