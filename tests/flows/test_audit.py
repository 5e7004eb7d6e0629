"""The flow: shards, workers, resume and failing shards."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows.audit import audit
from tasks.config import AuditConfig
from tasks.errors import AuditError
from tasks.index.plan import plan_audit
from tasks.tables.storage import RunFolder
from tests.flows.conftest import SmallDataset, assert_same_tables

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(scope="module")
def undisturbed(
    small_dataset: SmallDataset, prefect_server: None, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """One shard, one worker."""
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    audit(small_dataset.config(out, device="cpu", workers=1))
    return out


@pytest.mark.parametrize(("shard_size", "workers"), [(6, 1), (7, 2)])
def test_shards_and_workers_do_not_change_the_tables(
    undisturbed: Path, small_dataset: SmallDataset, tmp_path: Path, shard_size: int, workers: int
) -> None:
    other = {"device": "cpu", "workers": workers, "shard_size": shard_size}
    audit(small_dataset.config(tmp_path / "run", **other))
    assert_same_tables(undisturbed, tmp_path / "run")


def test_predictions_tell_what_the_folders_say(undisturbed: Path) -> None:
    predictions = pd.read_parquet(undisturbed / "tables" / "predictions")
    assert predictions["label"].tolist() == [0] * 8 + [1] * 8 + [2] * 8
    assert (predictions["correct"] == (predictions["label"] == predictions["predicted"])).all()
    classes = pd.read_parquet(undisturbed / "tables" / "class_stats")
    assert classes["name"].tolist() == ["blue", "green", "red"]
    assert classes["correct"].sum() == predictions["correct"].sum()


def test_only_missing_or_damaged_shards_are_computed_again(
    undisturbed: Path, small_dataset: SmallDataset, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    config = small_dataset.config(run, device="cpu", shard_size=6)
    audit(config)
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
    audit(config)
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
    with pytest.raises(AuditError, match=r"1 of 4 shards failed.*\n  shard-00001: .*irectory"):
        audit(config)
    done = sorted(file.name for file in (run / "records" / "shards").iterdir())
    assert done == ["shard-00000.json", "shard-00002.json", "shard-00003.json"]
    assert not (run / "complete.json").exists()


def _shard_names(url: str) -> Any:
    import httpx

    answer = httpx.post(f"{url}/task_runs/filter", json={"limit": 100}, timeout=20)
    return {run["name"]: run["state_type"] for run in answer.json()}


def test_prefect_shows_each_shard(small_dataset: SmallDataset, tmp_path: Path) -> None:
    from prefect.settings import PREFECT_API_URL

    audit(small_dataset.config(tmp_path / "run", device="cpu", shard_size=12))
    states = _shard_names(str(PREFECT_API_URL.value()))
    assert states["shard-00000"] == states["shard-00001"] == "COMPLETED"
