"""The flow: shards, workers, resume and failing shards."""

import json
import shutil
from pathlib import Path

import httpx
import pandas as pd
import pytest
from prefect.settings import PREFECT_API_URL

from flows.audit import audit
from tasks.config import AuditConfig
from tasks.errors import AuditError
from tasks.index.plan import plan_audit
from tasks.tables.storage import RunFolder
from tests.flows.conftest import SmallDataset, assert_same_tables
from tests.tasks.tiny_audit import run_audit

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(scope="module")
def cut(
    small_dataset: SmallDataset, prefect_server: None, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Four shards, one worker; tests must not change it."""
    out = tmp_path_factory.mktemp("runs") / "cut"
    named = audit.with_options(flow_run_name="cut")
    named(small_dataset.config(out, device="cpu", workers=1, shard_size=6))
    return out


def test_shards_do_not_change_the_tables(undisturbed: Path, cut: Path) -> None:
    assert_same_tables(undisturbed, cut)


def test_workers_do_not_change_the_tables(
    undisturbed: Path, small_dataset: SmallDataset, tmp_path: Path
) -> None:
    audit(small_dataset.config(tmp_path / "run", device="cpu", workers=2, shard_size=7))
    assert_same_tables(undisturbed, tmp_path / "run")


def test_predictions_tell_what_the_folders_say(undisturbed: Path) -> None:
    predictions = pd.read_parquet(undisturbed / "tables" / "predictions")
    assert predictions["label"].tolist() == [0] * 8 + [1] * 8 + [2] * 8
    assert (predictions["correct"] == (predictions["label"] == predictions["predicted"])).all()
    classes = pd.read_parquet(undisturbed / "tables" / "class_stats")
    assert classes["name"].tolist() == ["blue", "green", "red"]
    assert classes["correct"].sum() == predictions["correct"].sum()


def test_only_missing_or_damaged_shards_are_computed_again(
    undisturbed: Path, cut: Path, small_dataset: SmallDataset, tmp_path: Path
) -> None:
    run = shutil.copytree(cut, tmp_path / "run")
    config = small_dataset.config(run, device="cpu", shard_size=6)
    folder = RunFolder(run)
    folder.record_file("shards", 1).unlink()
    damaged = folder.table_file("heatmaps", 2)
    damaged.write_bytes(damaged.read_bytes()[:-100])
    untouched = folder.table_file("predictions", 0).stat().st_mtime_ns
    audit(config)
    assert json.loads((run / "first_pass.json").read_text())["images"] == 12
    assert folder.table_file("predictions", 0).stat().st_mtime_ns == untouched
    assert_same_tables(undisturbed, run)


def test_a_changed_image_computes_its_shard_alone(
    small_dataset: SmallDataset, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    shutil.copytree(small_dataset.images, images)
    config = {**small_dataset.config(tmp_path / "run", device="cpu", shard_size=6)}
    config["images"] = str(images)
    run_audit(AuditConfig.model_validate(config))
    shutil.copy(images / "red" / "0.png", images / "blue" / "0.png")
    audit(config)
    assert json.loads((tmp_path / "run" / "first_pass.json").read_text())["images"] == 6
    shutil.rmtree(images / "red")
    (images / "red").mkdir()
    shutil.copy(images / "blue" / "0.png", images / "red" / "0.png")
    audit(config)
    predictions = pd.read_parquet(tmp_path / "run" / "tables" / "predictions")
    assert len(predictions) == 17, "rows of removed images must not stay behind"


def test_a_shard_that_fails_for_good_is_named_and_the_others_are_kept(
    small_dataset: SmallDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    config = small_dataset.config(run, device="cpu", shard_size=6)
    blocked = RunFolder(run).table_file("predictions", 1)
    blocked.mkdir(parents=True)  # nothing can be renamed onto a folder
    (blocked / "in_the_way").touch()
    plan = plan_audit(AuditConfig.model_validate(config))
    RunFolder(run).audit_file.write_text(json.dumps(plan.facts, default=list))
    with pytest.raises(AuditError, match=r"1 of 4 shards failed.*\n  shard-00001: .*got a folder"):
        audit(config)
    done = sorted(file.name for file in (run / "records" / "shards").iterdir())
    assert done == ["shard-00000.json", "shard-00002.json", "shard-00003.json"]
    assert not (run / "complete.json").exists()


def _task_states(flow_run: str) -> dict[str, str]:
    """State of each task of a flow run, as Prefect's API tells it."""
    wanted = {"limit": 100, "flow_runs": {"name": {"any_": [flow_run]}}}
    answer = httpx.post(f"{PREFECT_API_URL.value()}/task_runs/filter", json=wanted, timeout=20)
    return {run["name"]: run["state_type"] for run in answer.json()}


@pytest.mark.usefixtures("cut")
def test_prefect_shows_each_shard() -> None:
    states = _task_states("cut")
    shards = {name: state for name, state in states.items() if name.startswith("shard-")}
    assert shards == {f"shard-0000{i}": "COMPLETED" for i in range(4)}
