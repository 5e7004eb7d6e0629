"""Audits one after the other, as a schedule starts them, on a real Prefect server."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.settings import PREFECT_API_URL

from flows.schedule import scheduled_audit
from tasks.errors import AuditError
from tasks.tables.storage import RunFolder
from tests.flows.conftest import SmallDataset

pytestmark = pytest.mark.usefixtures("prefect_server")


def write_config(folder: Path, dataset: SmallDataset) -> Path:
    """A copy of the images, and audit.toml beside it whose runs lie in `folder`/runs."""
    shutil.copytree(dataset.images, folder / "images")
    keys = {"images": "images", "model": dataset.model, "out": "runs", "device": "cpu",
            "title": f"Nightly {folder.name}"}  # fmt: skip
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    file = folder / "audit.toml"
    file.write_text("\n".join([*lines, "shard_size = 6", "second_pass = 4.0"]) + "\n")
    return file


def ask(what: str, **question: Any) -> list[dict[str, Any]]:
    """Of the server's API."""
    url = f"{PREFECT_API_URL.value()}/{what}/filter"
    answer = httpx.post(url, json={"limit": 200, **question}, timeout=30)
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()
    return found


def runs_in(folder: Path) -> list[RunFolder]:
    """By their names, which sort by time."""
    return [RunFolder(entry) for entry in sorted(folder.iterdir()) if not entry.is_symlink()]


def test_three_nights(small_dataset: SmallDataset, tmp_path: Path) -> None:
    file = write_config(tmp_path, small_dataset)
    scheduled_audit(str(file))
    first = runs_in(tmp_path / "runs")[0]
    assert not first.taken_file.exists()
    shutil.copy(tmp_path / "images" / "red" / "0.png", tmp_path / "images" / "blue" / "a new.png")
    policy = tmp_path / "policy.toml"
    policy.write_text(
        '[[limit]]\nmetric = "unread_images"\nat_most = 0\n'
        '[[limit]]\nmetric = "accuracy"\nagainst = true\ndrop_at_most = 1\n'
    )
    scheduled_audit(str(file), reports_url="http://reports.test/nightly/", policy_file=str(policy))
    second = runs_in(tmp_path / "runs")[1]
    taken = json.loads(second.taken_file.read_text())
    assert taken["previous"] == str(first.root) and taken["by"] == "hard link"
    assert taken["first_pass"] == {
        "shards": 5, "shards_taken": 4, "images": 25, "images_taken": 24
    }  # fmt: skip
    said = "1 of 5 shards, 1 of 25 images computed; the rest taken from"
    assert said in (second.report_file.parent / "limits.html").read_text()
    newest = [a for a in ask("artifacts") if a["key"] and "nightly" in a["key"]]
    by_type = {(a["type"], a["key"].rsplit("-", 1)[-1]) for a in newest}
    assert by_type == {
        ("markdown", "audit"), ("table", "findings"), ("progress", "pass"),
        ("markdown", "changes"), ("markdown", "policy"),
    }  # fmt: skip
    told = {a["key"].rsplit("-", 1)[-1]: a for a in sorted(newest, key=lambda a: a["created"])}
    text = told["audit"]["data"]
    assert f"{second.root.name}/diff/index.html" in told["changes"]["data"]
    assert "25 images" in (second.root / "diff" / "index.html").read_text()
    assert "# Policy kept" in told["policy"]["data"]
    assert (second.root / "check.xml").read_text().count("<testcase") == 2
    assert said in text
    assert f"http://reports.test/nightly/{second.root.name}/report/index.html" in text
    bars = [a for a in newest if a["type"] == "progress"]
    assert bars and all(a["data"] == 100 for a in bars)

    policy.write_text('[[limit]]\nmetric = "accuracy"\nof = "all"\nat_least = 1\n')
    with pytest.raises(AuditError, match="is broken: accuracy of all: all"):
        scheduled_audit(str(file), keep=2, policy_file=str(policy))
    kept = runs_in(tmp_path / "runs")
    assert [run.root.name for run in kept[:1]] == [second.root.name] and len(kept) == 2
    third = kept[1]
    assert os.readlink(tmp_path / "runs" / "latest") == third.root.name
    for name in ("units", "class_stats", "verdicts"):
        assert os.path.samefile(second.table_file(name), third.table_file(name))
    same = "report/index.html"
    assert os.path.samefile(second.root / same, third.root / same)
    words = [(run.root / "report" / "limits.html").read_text() for run in kept]
    assert said in words[0], "the page of the earlier run is not written into"
    assert "0 of 5 shards, 0 of 25 images computed; the rest taken from" in words[1]


def test_a_night_that_fails_is_not_gone_on_from(
    small_dataset: SmallDataset, tmp_path: Path
) -> None:
    file = write_config(tmp_path, small_dataset)
    unfinished = tmp_path / "runs" / "2020-01-01T00-00-00Z"
    unfinished.mkdir(parents=True)
    (unfinished / "audit.json").write_text('{"camaudit": "1"}')
    scheduled_audit(str(file), keep=5)
    (run,) = runs_in(tmp_path / "runs")
    assert not run.taken_file.exists() and run.complete_file.exists()
