"""Audits that go on from an earlier one: what is linked, and that all numbers are those of an audit
from scratch."""

import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tasks.config import AuditConfig
from tasks.errors import AuditError
from tasks.index.plan import plan_audit, write_plan
from tasks.second_pass import plan as planning
from tasks.tables import links
from tasks.tables.completion import mark_complete
from tasks.tables.links import link_file
from tasks.tables.storage import RunFolder
from tasks.tables.table_names import BACKGROUND_TABLES, MERGED_TABLES
from tasks.tables.taken import count_taken
from tests.tasks.tiny_audit import configure, draw, draw_folders, run_audit, table

OF_IMAGES = {
    "predictions": [], "heatmaps": ["role"], "features": [], "background": [], "cells": [],
    "localization": [], "failures": ["stage"],
}  # fmt: skip


def by_uri(run: RunFolder, name: str, by: list[str]) -> pd.DataFrame:
    """A table with uris in the place of image ids."""
    uris = table(run, "manifest").set_index("image_id")["uri"]
    rows = table(run, name)
    rows["uri"] = uris.loc[rows["image_id"]].to_numpy()
    return rows.drop(columns="image_id").sort_values(["uri", *by], ignore_index=True)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    """An audit of 24 images in shards of 4; two images are new, one is another, one is gone, and
    the audit of what there is now: from the first one, and from scratch."""
    folder = tmp_path_factory.mktemp("incremental")
    pics = draw_folders(folder / "pics", 8)
    (pics / "ant" / "bad.png").write_bytes(b"no image")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "IMAGES_PER_SHARD", 2)
        first = run_audit(config(folder, "first"))
        draw(pics / "ant" / "0 new.png", seed=1000)
        draw(pics / "cat" / "new.png", seed=1001)
        draw(pics / "bee" / "3.png", seed=1002, size=(50, 40))
        (pics / "cat" / "1.png").unlink()
        second = run_audit(config(folder, "second", previous=str(first.root)))
        scratch = run_audit(config(folder, "scratch"))
    return {"first": first, "second": second, "scratch": scratch}


def config(folder: Path, out: str, **changes: object) -> AuditConfig:
    values = {"out": str(folder / out), "shard_size": 4, "second_pass": 6, **changes}
    return configure(folder, folder / "pics", **values)


def test_only_shards_with_other_images_are_computed(runs: dict[str, RunFolder]) -> None:
    # 25 images: ant 0 to 8 (the bad one the last), bee 9 to 16, cat 17 to 24, in shards of four.
    # bee/3 is image 12 in shard 3, cat/1 was 18 in shard 4, new are 25 and 26 in shard 6.
    linked = [os.path.samefile(*(runs[n].table_file("predictions", shard) for n in
                                 ("first", "second"))) for shard in range(7)]  # fmt: skip
    assert linked == [True, True, True, False, False, True, False]
    assert count_taken(runs["second"], "shards") == {
        "shards": 7, "shards_taken": 4, "images": 26, "images_taken": 16
    }  # fmt: skip
    manifest = table(runs["second"], "manifest")
    assert manifest["image_id"].tolist() == [i for i in range(27) if i != 18]
    assert [Path(uri).name for uri in manifest["uri"][-2:]] == ["0 new.png", "new.png"]


@pytest.mark.parametrize("name", OF_IMAGES)
def test_rows_of_images_are_those_of_an_audit_from_scratch(
    runs: dict[str, RunFolder], name: str
) -> None:
    rows = [by_uri(runs[run], name, OF_IMAGES[name]) for run in ("second", "scratch")]
    assert len(rows[0]) or name == "localization"
    pd.testing.assert_frame_equal(*rows, check_exact=True)


def test_tables_of_the_whole_are_those_of_an_audit_from_scratch(
    runs: dict[str, RunFolder],
) -> None:
    for name in ("class_stats", "confusions", "unit_stats", "layer_stats", "unit_classes"):
        stored = [table(runs[run], name) for run in ("second", "scratch")]
        pd.testing.assert_frame_equal(*stored, check_exact=True, obj=name)
    units = [by_uri(runs[run], "units", ["unit", "class_idx"]) for run in ("second", "scratch")]
    pd.testing.assert_frame_equal(*units, check_exact=True)


def test_tested_images_are_told_the_same_by_a_taken_shard(runs: dict[str, RunFolder]) -> None:
    # Where the same variant of an image was made in both, its row is the same.
    of = ["intervention", "draw", "donor_id"]
    evidence = {n: table(runs[n], "evidence").set_index(["image_id", *of]) for n in
                ("first", "second")}  # fmt: skip
    changed = [12, 18]
    both = [key for key in evidence["first"].index.intersection(evidence["second"].index)
            if key[0] not in changed and key[-1] not in changed]  # fmt: skip
    assert len(both) > 20
    rows = [evidence[n].loc[both].drop(columns="picture") for n in ("first", "second")]
    pd.testing.assert_frame_equal(*rows, check_exact=True)
    plans = [read_plan(runs["second"]), set(table(runs["second"], "evidence")["image_id"])]
    assert plans[0] == plans[1]


def read_plan(run: RunFolder) -> set[int]:
    files = (run.root / "partials" / "tests").glob("*.parquet")
    return {image for file in files for image in pd.read_parquet(file)["image_id"]}


def test_the_earlier_run_can_be_removed(runs: dict[str, RunFolder], tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    shutil.copytree(runs["first"].root, tmp_path / "first")
    folder = runs["first"].root.parent
    taken = plan_audit(config(folder, "x", previous=str(tmp_path / "first")))
    write_plan(plan_audit(taken.config.model_copy(update={"out": str(kept)})))
    before = {f: f.read_bytes() for f in (kept / "tables").rglob("*.parquet")}
    shutil.rmtree(tmp_path / "first")
    assert len(before) > 7 and all(f.read_bytes() == content for f, content in before.items())


def unchanged_audit(folder: Path, **changes: object) -> AuditConfig:
    draw_folders(folder / "pics", 3)
    return config(folder, "first", **changes)


def test_where_nothing_has_changed_every_shard_of_both_passes_is_taken(tmp_path: Path) -> None:
    first = run_audit(unchanged_audit(tmp_path, second_pass=50))
    second = run_audit(config(tmp_path, "second", second_pass=50, previous=str(first.root)))
    for stage in ("shards", "tests"):
        counts = count_taken(second, stage)
        assert counts["shards"] == counts["shards_taken"] > 0
        assert counts["images"] == counts["images_taken"] == 9
    for name in (*OF_IMAGES, *MERGED_TABLES, *BACKGROUND_TABLES, "evidence"):
        pd.testing.assert_frame_equal(table(first, name), table(second, name), obj=name)


def test_a_finished_earlier_run_gives_everything_at_once(tmp_path: Path) -> None:
    first = run_audit(unchanged_audit(tmp_path))
    (first.root / "report").mkdir()
    first.report_file.write_text("a report")
    plan = plan_audit(config(tmp_path, "second", previous=str(first.root)))
    write_plan(plan)
    left = plan.run.table_file("evidence", 77)  # of a larger second pass that was given up
    link_file(first.table_file("evidence", 0), left)
    mark_complete(first, plan.shards, plan.config.second_pass)
    write_plan(plan)
    assert not left.exists()
    files = [f for f in first.root.rglob("*") if f.is_file()]
    own = {"audit.json", "complete.json"}
    linked = {f.relative_to(first.root) for f in files if f.name not in own}
    assert len(linked) > 50 and Path("report/index.html") in linked
    assert all(os.path.samefile(first.root / f, plan.run.root / f) for f in linked)
    assert not plan.run.complete_file.exists()


OTHER_AUDITS: list[tuple[dict[str, object], str]] = [
    ({"method": "gradcam"}, "method"), ({"top_k": 1}, "top_k"), ({"shard_size": 2}, "shard_size"),
    ({"resize": 40}, "preprocessing.resize"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "word"), OTHER_AUDITS)
def test_from_an_audit_of_something_else_nothing_is_taken(
    tmp_path: Path, change: dict[str, object], word: str
) -> None:
    first = run_audit(unchanged_audit(tmp_path, second_pass=0))
    given = {"second_pass": 0, "previous": str(first.root), "out": str(tmp_path / "second")}
    values = config(tmp_path, "second").model_dump() | given | change
    plan = plan_audit(AuditConfig.model_validate(values))
    assert plan.previous is not None and len(plan.previous.differences) == 1
    assert plan.previous.differences[0].startswith(f"{word}: ") and plan.earlier is None
    write_plan(plan)
    assert not list((plan.run.root / "records").glob("*/*"))


def test_a_damaged_shard_is_not_taken(tmp_path: Path) -> None:
    first = run_audit(unchanged_audit(tmp_path, second_pass=0))
    file = first.table_file("heatmaps", 1)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    first.record_file("shards", 0).write_text("{")
    plan = plan_audit(config(tmp_path, "second", second_pass=0, previous=str(first.root)))
    write_plan(plan)
    assert [f.stem for f in (plan.run.root / "records/shards").iterdir()] == ["shard-00002"]


def test_without_hard_links_files_are_referred_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_file_system(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(links.os, "link", other_file_system)
    first = run_audit(unchanged_audit(tmp_path, second_pass=0))
    second = run_audit(config(tmp_path, "second", second_pass=0, previous=str(first.root)))
    third = run_audit(config(tmp_path, "third", second_pass=0, previous=str(second.root)))
    file = third.table_file("predictions", 0)
    # To the file itself, not to a reference to it.
    assert Path(os.readlink(file)) == first.table_file("predictions", 0)
    assert count_taken(third, "shards")["shards_taken"] == 3
    pd.testing.assert_frame_equal(table(first, "predictions"), table(third, "predictions"))

    monkeypatch.setattr(links.os, "symlink", other_file_system)
    plan = plan_audit(config(tmp_path, "fourth", second_pass=0, previous=str(first.root)))
    with pytest.raises(AuditError, match=r"neither a hard link.*--previous"):
        write_plan(plan)


def test_a_previous_run_that_is_none_or_the_run_itself(tmp_path: Path) -> None:
    given = unchanged_audit(tmp_path)
    with pytest.raises(AuditError, match="not the folder of an audit"):
        plan_audit(given.model_copy(update={"previous": str(tmp_path / "absent")}))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "audit.json").write_text("[]")
    with pytest.raises(AuditError, match="expected an object, got list"):
        plan_audit(given.model_copy(update={"previous": str(tmp_path / "other")}))
    with pytest.raises(AuditError, match=r"run folder itself.*--out"):
        plan_audit(given.model_copy(update={"previous": given.out}))


@pytest.mark.parametrize("text", ["{}", '{"config": 3}'])
def test_a_previous_run_of_another_version(tmp_path: Path, text: str) -> None:
    given = unchanged_audit(tmp_path)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "audit.json").write_text(text)
    plan = plan_audit(given.model_copy(update={"previous": str(tmp_path / "old")}))
    assert plan.previous is not None and "another version" in plan.previous.differences[0]


def test_another_release_takes_nothing(tmp_path: Path) -> None:
    first = run_audit(unchanged_audit(tmp_path, second_pass=0))
    facts = json.loads(first.audit_file.read_text())
    first.audit_file.write_text(json.dumps({**facts, "camaudit": "0.0.1"}))
    plan = plan_audit(config(tmp_path, "second", second_pass=0, previous=str(first.root)))
    assert plan.previous is not None
    assert plan.previous.differences == (f"camaudit: 0.0.1 there, {facts['camaudit']} here",)
