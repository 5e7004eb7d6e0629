"""Files appear whole or not at all."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import AuditError
from tasks.tables.shards import Shard, valid_record, write_record
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import atomic_path, is_whole, table_writer, write_json, write_table

TABLE = pa.table({"x": np.random.default_rng(0).integers(0, 2**60, 100_000)})


def visible(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_an_exception_leaves_nothing_and_passes_on(tmp_path):
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "deep" / "f") as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert visible(tmp_path) == []


def test_an_exception_leaves_the_old_file(tmp_path):
    (tmp_path / "f").write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "f") as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert (tmp_path / "f").read_text() == "old" and visible(tmp_path) == ["f"]


def test_nothing_is_seen_before_the_end(tmp_path):
    with atomic_path(tmp_path / "f.parquet") as temporary:
        temporary.write_text("x")
        assert list(tmp_path.glob("*.parquet")) == []
    assert visible(tmp_path) == ["f.parquet"]


def test_json_that_cannot_be_written_leaves_the_old(tmp_path):
    write_json(tmp_path / "f.json", {"a": "Zoë"})
    with pytest.raises(TypeError):
        write_json(tmp_path / "f.json", {"a": object()})
    assert json.loads((tmp_path / "f.json").read_text(encoding="utf-8")) == {"a": "Zoë"}


def test_a_full_disk_at_the_last_moment(tmp_path, monkeypatch):
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_table(tmp_path / "t.parquet", TABLE)
    assert visible(tmp_path) == []


def test_the_error_of_a_full_disk_names_the_place(tmp_path, monkeypatch):
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises((OSError, AuditError), match=str(tmp_path)):
        write_table(tmp_path / "t.parquet", TABLE)


def test_a_table_comes_back_and_is_zstd(tmp_path):
    write_table(tmp_path / "t.parquet", TABLE)
    assert pq.read_table(tmp_path / "t.parquet").equals(TABLE)
    column = pq.ParquetFile(tmp_path / "t.parquet").metadata.row_group(0).column(0)
    assert column.compression == "ZSTD"


@pytest.fixture
def recorded(tmp_path):
    run = RunFolder(tmp_path)
    files = [run.table_file("predictions", 0), run.partial_file("peaks", 0)]
    for file in files:
        write_table(file, TABLE)
    shard = Shard(0, 0, 3, "key")
    write_record(run, shard, files, {"images": 3})
    return run, shard, files


def test_a_whole_shard_has_a_valid_record(recorded):
    run, shard, _ = recorded
    assert valid_record(run, shard)["images"] == 3
    assert valid_record(run, Shard(0, 0, 3, "other key")) is None
    assert valid_record(run, Shard(1, 3, 6, "key")) is None


@pytest.mark.parametrize("damage", ["truncated", "edited", "removed", "emptied"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_damaged_file_is_found(recorded, damage, which):
    run, shard, files = recorded
    content = files[which].read_bytes()
    changed = bytearray(content)
    changed[len(content) // 2] ^= 1
    if damage == "removed":
        files[which].unlink()
    else:
        new = {"truncated": content[:-1], "edited": bytes(changed), "emptied": b""}[damage]
        files[which].write_bytes(new)
    assert valid_record(run, shard) is None


@pytest.mark.parametrize("days", [-4000, 4000])
def test_a_clock_that_jumped_loses_nothing(recorded, days):
    run, shard, _ = recorded
    before = valid_record(run, shard)
    for file in visible(run.root):
        moved = (run.root / file).stat().st_mtime + 86_400 * days
        os.utime(run.root / file, (moved, moved))
    assert before is not None and valid_record(run, shard) == before


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"key": "key"}', '{"key": "key", "files": 3}']
)
def test_a_damaged_record_is_no_record(recorded, text):
    run, shard, _ = recorded
    run.record_file("shards", 0).write_text(text)
    assert valid_record(run, shard) is None


def test_shards_of_a_longer_audit_are_removed(tmp_path):
    run = RunFolder(tmp_path)
    for shard in (0, 1, 2, 10):
        for file in (run.table_file("predictions", shard), run.partial_file("peaks", shard)):
            write_table(file, TABLE.slice(0, 1))
        write_json(run.record_file("shards", shard), {})
    run.remove_shards_from(2)
    stems = {Path(name).stem for name in visible(tmp_path)}
    assert stems == {"shard-00000", "shard-00001"} and len(visible(tmp_path)) == 6


@pytest.mark.parametrize("text", [None, "", "{", "[]", "3"])
def test_a_folder_that_is_no_audit(tmp_path, text):
    if text is not None:
        (tmp_path / "audit.json").write_text(text)
    with pytest.raises(AuditError, match="not the folder of an audit"):
        RunFolder(tmp_path).audit()


def test_a_table_that_is_not_there_yet(tmp_path):
    with pytest.raises(AuditError, match="'units' is missing"):
        RunFolder(tmp_path).dataset("units")


@pytest.mark.parametrize("rows", [(0, 2, 0, 1), (0, 0, 0), (1,)])
def test_shards_without_rows_are_left_out(tmp_path, rows):
    run = RunFolder(tmp_path)
    for shard, number in enumerate(rows):
        write_table(run.table_file("failures", shard), TABLE.slice(10 * shard, number))
    filled = run.filled("failures")
    assert filled.to_table().equals(run.dataset("failures").to_table())
    assert len(filled.files) == max(1, sum(number > 0 for number in rows))


def test_a_reader_holds_a_part_of_a_large_table(tmp_path):
    write_table(tmp_path / "t.parquet", TABLE)
    assert pq.ParquetFile(tmp_path / "t.parquet").metadata.num_row_groups > 1


@pytest.mark.parametrize("damage", ["cut", "empty", "overwritten"])
def test_a_damaged_file_of_a_table_is_named(tmp_path, damage):
    run = RunFolder(tmp_path)
    for shard in range(3):
        write_table(run.table_file("units", shard), TABLE)
    assert run.dataset("units").count_rows() == 3 * len(TABLE)
    file = run.table_file("units", 1)
    whole = file.read_bytes()
    file.write_bytes(
        {"cut": whole[: len(whole) // 2], "empty": b"", "overwritten": whole[:-9] + b"\0" * 9}[
            damage
        ]
    )
    with pytest.raises(AuditError, match=r"units/shard-00001\.parquet is damaged"):
        run.dataset("units")


def test_nothing_but_a_file_is_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "stdout", "folder"):
        with pytest.raises(OSError, match=f"{name} cannot be written: expected a file's name"):
            write_json(tmp_path / name, {})
    with pytest.raises(OSError, match=r"file/below\.json cannot be written"):
        (tmp_path / "file").write_text("x")
        write_json(tmp_path / "file" / "below.json", {})
    assert (tmp_path / "pipe").is_fifo() and (tmp_path / "stdout").is_symlink()
    (tmp_path / "link").symlink_to("file")
    write_json(tmp_path / "link", {"a": 1})  # as a file of a run that leads to another run
    assert (tmp_path / "file").read_text() == "x" and not (tmp_path / "link").is_symlink()


def test_no_table_lies_below_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    assert not is_whole(RunFolder(tmp_path / "file").table_file("units"))
    write_table(tmp_path / "whole.parquet", TABLE)
    assert is_whole(tmp_path / "whole.parquet") and not is_whole(tmp_path / "absent")


def test_numbers_with_a_fraction_are_stored_without_a_dictionary(tmp_path: Path) -> None:
    maps = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(6, dtype=np.float16)), 3)
    table = pa.table({"role": ["label", "label"], "heatmap": maps, "scale": [0.5, 0.25]})
    write_table(tmp_path / "one.parquet", table)
    with table_writer(tmp_path / "parts.parquet", table.schema) as writer:
        writer.write_table(table)
    for name in ("one", "parts"):
        stored = pq.read_metadata(tmp_path / f"{name}.parquet").row_group(0)
        columns = [stored.column(place) for place in range(stored.num_columns)]
        coded = {c.path_in_schema for c in columns if "RLE_DICTIONARY" in c.encodings}
        assert coded == {"role"}
        assert {c.compression for c in columns} == {"ZSTD"}
        assert pq.read_table(tmp_path / f"{name}.parquet").equals(table)
