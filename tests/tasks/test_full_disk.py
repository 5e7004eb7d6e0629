"""A disk that fills up in the middle of an audit."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tasks.errors import AuditError
from tasks.explain.shard import explain_shard
from tasks.index.plan import plan_audit, write_plan
from tasks.runs.being_written import being_written
from tasks.tables.shards import valid_record
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import table_writer, write_table
from tests.tasks.tiny_audit import auditor_of, configure, draw_folders, run_audit, table


def mounted(place: Path, options: str) -> Iterator[Path]:
    """A file system of its own at `place`."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    try:
        is_mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        is_mounted = False
    if not is_mounted:
        pytest.skip("mounting a disk needs root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of a quarter of a megabyte."""
    yield from mounted(tmp_path / "disk", "size=256k")


def test_a_shard_leaves_no_half_file_and_goes_on_when_there_is_room(tmp_path, small_disk):
    images = draw_folders(tmp_path / "pics", 4)
    config = configure(tmp_path, images, out=str(small_disk / "run"))
    plan = plan_audit(config)
    write_plan(plan)
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space left"), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with filler.open("rb+") as file:
        file.truncate(filler.stat().st_size - 12 * 1024)  # room for some of the tables
    with pytest.raises(OSError, match="No space left"):
        explain_shard(auditor_of(plan), config.out, plan.shards[0])
    assert valid_record(plan.run, plan.shards[0]) is None
    assert not [p for p in plan.run.root.rglob("*") if p.name.endswith(".tmp")]
    filler.unlink()
    run = run_audit(config)
    assert len(table(run, "predictions")) == 12
    assert valid_record(run, plan.shards[0]) is not None


def test_a_table_written_in_parts_leaves_the_earlier_one_where_the_disk_is_full(small_disk):
    rows = pa.table({"x": np.random.default_rng(0).integers(0, 2**62, 8_000)})
    file = small_disk / "table.parquet"
    write_table(file, rows)
    earlier = file.read_bytes()
    with (
        pytest.raises(OSError, match=r"table\.parquet cannot be written: .*No space left"),
        table_writer(file, rows.schema) as writer,
    ):
        for _ in range(100):
            writer.write_table(rows)
    assert [p.name for p in small_disk.iterdir()] == ["table.parquet"]
    assert file.read_bytes() == earlier


@pytest.fixture
def read_only(tmp_path):
    """A folder that can be read alone; root may write wherever the file system lets it."""
    yield from mounted(tmp_path / "archive", "ro,size=64k")


def refuses(place: Path) -> None:
    """The first that an audit writes; the command line prints an OSError's text alone."""
    with pytest.raises((AuditError, OSError)) as error, being_written(RunFolder(place / "run")):
        raise AssertionError("it was let in")
    assert str(place) in str(error.value)


def test_a_run_in_a_read_only_folder_is_refused_by_name(read_only):
    refuses(read_only)


def test_a_run_below_a_file_or_in_proc_is_refused_by_name(tmp_path):
    (tmp_path / "file").write_text("x")
    refuses(tmp_path / "file")
    refuses(Path("/proc/camaudit"))
