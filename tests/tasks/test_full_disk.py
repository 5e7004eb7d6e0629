"""A disk that fills up in the middle of an audit."""

import subprocess

import pytest

from tasks.explain.shard import explain_shard
from tasks.index.plan import plan_audit, write_plan
from tasks.tables.shards import valid_record
from tests.tasks.tiny_audit import auditor_of, configure, draw_folders, run_audit, table


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of a quarter of a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small disk needs root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


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
