"""The flow: shards, workers, resume and failing shards."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import httpx
import pandas as pd
import pytest
from prefect.settings import PREFECT_API_URL

from flows.audit import audit
from reports.shown import shown_images
from tasks.config import AuditConfig
from tasks.errors import AuditError
from tasks.runs.being_written import being_written
from tasks.tables.completion import added_facts, audit_key
from tasks.tables.storage import RunFolder
from tasks.tables.table_names import ADDED_TABLES
from tests.flows.conftest import MODEL, SmallDataset, assert_same_tables
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


def test_rows_for_the_report_of_many_images_are_set_aside(
    small_dataset: SmallDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown_images, "MOST_IMAGES", 10)
    audit(small_dataset.config(tmp_path / "run", device="cpu", workers=1))
    run = RunFolder(tmp_path / "run")
    assert added_facts(run, "shown") == {"shard_keys": audit_key(run)}
    shown = {name: run.dataset(name).to_table() for name in ADDED_TABLES["shown"]}
    ids = shown["shown_manifest"]["image_id"].to_pylist()
    assert 10 <= len(ids) <= 24
    assert all(set(table["image_id"].to_pylist()) == set(ids) for table in shown.values())
    assert run.report_file.exists()


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


REFUSING = MODEL.replace(
    "        return self.head",
    """        red, green, blue = x.mean((2, 3)).unbind(1)
        if (red > torch.maximum(green, blue) + 0.2).any() and "REFUSE_RED" in os.environ:
            raise ValueError("red is refused")
        return self.head""",
)


@pytest.fixture
def refusing(small_dataset: SmallDataset, tmp_path: Path) -> SmallDataset:
    """The same images under a model that raises for red ones while REFUSE_RED is set."""
    (tmp_path / "refusing.py").write_text(REFUSING)
    return replace(small_dataset, model=f"{tmp_path / 'refusing.py'}:build")


def test_a_shard_that_fails_for_good_leaves_an_incomplete_audit_that_can_be_mended(
    refusing: SmallDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    config = refusing.config(run, device="cpu", shard_size=8)
    monkeypatch.setenv("REFUSE_RED", "1")
    reason = "ValueError: red is refused"
    told = rf"incomplete: 1 of \d+ shards.*\n  shard-00002: {reason}"
    with pytest.raises(AuditError, match=told):
        audit(config)
    failures = pd.read_parquet(run / "tables" / "failures")
    assert failures["image_id"].tolist() == list(range(16, 24))
    assert set(failures["stage"]) == {"shard"} and set(failures["error"]) == {reason}
    monkeypatch.delenv("REFUSE_RED")
    audit({**config, "out": str(whole)})
    found, expected = (pd.read_parquet(r / "tables" / "predictions") for r in (run, whole))
    pd.testing.assert_frame_equal(found, expected[:16], check_exact=True)
    assert "Incomplete: 8 images could not be audited" in (run / "report/index.html").read_text()
    audit(config)
    assert_same_tables(whole, run)
    assert "Incomplete" not in (run / "report/index.html").read_text()


def test_a_failure_that_cannot_be_noted_is_told(
    small_dataset: SmallDataset, undisturbed: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(undisturbed, run)
    (run / "records" / "tests" / "shard-00000.json").unlink()
    config = small_dataset.config(run, device="cpu", workers=1)
    blocked = RunFolder(run).table_file("evidence", 0)
    blocked.unlink()
    blocked.mkdir()
    (blocked / "in_the_way").touch()  # nothing can be renamed onto a folder
    with pytest.raises(AuditError, match=r"1 of 1 shards failed(.|\n)*Nor could that be noted"):
        audit(config)
    assert not (run / "complete.json").exists()
    shutil.rmtree(blocked)
    audit(config)
    assert_same_tables(undisturbed, run)


def test_an_audit_of_which_every_shard_fails_says_why(
    refusing: SmallDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFUSE_RED", "1")
    classes = tmp_path / "classes.csv"
    classes.write_text("class_idx,name,folder\n0,blue,blue\n1,green,green\n2,red,red\n")
    shutil.copytree(refusing.images / "red", tmp_path / "images" / "red")
    config = refusing.config(tmp_path / "run", device="cpu", workers=1)
    config |= {"images": str(tmp_path / "images"), "classes": str(classes)}
    with pytest.raises(AuditError, match=r"1 of 1 shards failed(.|\n)*red is refused"):
        audit(config)
    assert not (tmp_path / "run" / "complete.json").exists()


def test_a_second_process_is_refused_and_touches_nothing(
    small_dataset: SmallDataset, undisturbed: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(undisturbed, run)
    config = small_dataset.config(run, device="cpu", title="another title")
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    with being_written(RunFolder(run)), pytest.raises(AuditError, match="another process"):
        audit(config)
    after = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    assert after == before


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


def test_a_trunk_that_cannot_be_folded_is_told_once(
    small_dataset: SmallDataset, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    branching = MODEL.replace(
        "return self.head", "x = x if x.sum() < 1e9 else x / 2\n        return self.head"
    )
    (tmp_path / "model.py").write_text(branching)
    config = small_dataset.config(tmp_path / "run", device="cpu", workers=2, shard_size=6)
    audit({**config, "model": f"{tmp_path / 'model.py'}:build"})
    (trunk,) = json.loads((tmp_path / "run" / "first_pass.json").read_text())["trunks"]
    assert not trunk["folded"] and not trunk["compiled"] and trunk["autocast"] is None
    (told,) = trunk["fallbacks"]
    assert told.startswith("not folded: torch.fx cannot trace the forward (TraceError: ")
    assert capfd.readouterr().err.count("not folded") == 1
