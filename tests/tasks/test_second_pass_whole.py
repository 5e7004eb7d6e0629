"""The second pass and what is concluded from it, where the truth is known."""

import hashlib
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.second_pass import donors, verdicts
from tasks.second_pass.plan import plan_second_pass, read_candidates
from tasks.tables.storage import RunFolder
from tests.tasks.planted_scenes import (
    ALL_TESTED,
    GREEN_SHORTCUT,
    OBJECT_ONLY,
    cast_scenes,
    mislabelled_scenes,
    scene_audit,
    shortcut_scenes,
)
from tests.tasks.tiny_audit import run_audit, table


@pytest.fixture(scope="module")
def shortcut(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Backgrounds are lent by the correct predictions of each class alone."""
    folder = tmp_path_factory.mktemp("shortcut")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(donors, "DONORS_PER_CLASS", 8)
        return run_audit(scene_audit(folder, shortcut_scenes(), GREEN_SHORTCUT))


def test_verdicts_are_the_same_however_many_rows_are_written_at_once(
    shortcut: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pq.read_table(shortcut.table_file("verdicts"))
    assert len(whole) == 36
    monkeypatch.setattr(donors, "DONORS_PER_CLASS", 8)
    monkeypatch.setattr(verdicts, "_ROWS_AT_ONCE", 5)
    plan = plan_second_pass(shortcut, shortcut.audit()["config"]["second_pass"])
    verdicts.write_verdicts(shortcut, plan)
    assert pq.read_table(shortcut.table_file("verdicts")).equals(whole, check_metadata=True)


def test_rows_of_which_none_was_tested_are_those_among_tested_ones(shortcut: RunFolder) -> None:
    candidates = read_candidates(shortcut)
    stored = pq.read_table(shortcut.table_file("verdicts")).to_pandas()
    known = [name for name in candidates if name in stored and name != "image_id"]
    tested = stored.drop(columns=known).iloc[:3]
    tested = tested.drop(columns=["verdict", "trail"]).assign(donors=8, others=6)
    whole = verdicts._verdict_rows(candidates, tested)
    parts = [verdicts._verdict_rows(candidates[i : i + 5], tested) for i in range(0, 36, 5)]
    assert pa.concat_tables(parts).equals(whole)
    assert whole["stratum"].null_count == 33


def test_mistakes_on_a_misleading_background_are_confirmed(shortcut: RunFolder) -> None:
    verdicts = table(shortcut, "verdicts").set_index("image_id")
    wrong = verdicts[~verdicts["correct"]]
    assert sorted(wrong.index) == list(range(24, 36))
    assert (wrong["predicted"] == 1).all() and (wrong["against_idx"] == wrong["label"]).all()
    assert (wrong["verdict"] == "confirmed").all()
    # Right on the two of the label and the four of the third class, wrong on the two of class 1.
    assert (wrong["right_replaced"] == 6 / 8).all() and (wrong["turned"] == 1).all()
    assert (wrong["gap"] > 0.85).all() and (wrong["shapley_background"] > 0).all()
    assert (verdicts["inclusion"] == 1).all() and (verdicts["stratum"].notna()).all()
    right = verdicts[verdicts["correct"]]
    assert not (right["verdict"] == "confirmed").any()


def test_the_findings_name_the_class_that_the_background_makes(shortcut: RunFolder) -> None:
    findings = table(shortcut, "findings")
    confirmed = findings[findings["confirmed"]]
    of_mistakes = confirmed[confirmed["kind"].isin(["pair", "predicted"])]
    assert set(of_mistakes["predicted"]) == {1}
    pairs = confirmed[confirmed["kind"] == "pair"].set_index("label")
    assert set(pairs.index) == {0, 2}
    assert (pairs["effect"] == 1).all() and (pairs["tested"] == 6).all()
    assert confirmed["kind"].iloc[0] in ("pair", "predicted")
    for row in pairs.itertuples():
        assert set(row.exemplars) <= set(range(24 + (row.Index == 2), 36, 2))


def test_the_summary_counts_what_was_done(shortcut: RunFolder) -> None:
    facts = json.loads(shortcut.second_pass_file.read_text())
    evidence = table(shortcut, "evidence")
    empties = int((evidence["intervention"] == "empty").sum())
    shards = len(list((shortcut.root / "tables" / "evidence").glob("*.parquet")))
    assert facts["forwards"] == len(evidence) - empties + shards
    assert facts["images"] == facts["tested_suspicious"] + facts["tested_random"] == 36
    assert (facts["tested_mistakes"], facts["mistakes"], facts["tested_correct"]) == (12, 12, 24)
    assert facts["object_sources"] == {"mask": 36, "box": 0, "proxy": 0, "none": 0}
    lent = set(evidence["donor_id"][evidence["donor_id"] >= 0])
    assert facts["donors"] == len(lent)


def test_where_the_object_decides_nothing_is_confirmed(tmp_path: Path) -> None:
    run = run_audit(scene_audit(tmp_path, mislabelled_scenes(), OBJECT_ONLY))
    verdicts = table(run, "verdicts")
    assert (~verdicts["correct"]).sum() == 12
    assert not (verdicts["verdict"] == "confirmed").any()
    assert (verdicts["verdict"] == "not_background").sum() > 0
    assert (verdicts["right_replaced"] == verdicts["correct"]).all()
    assert verdicts["gap"].abs().max() < 1e-6
    assert not table(run, "findings")["confirmed"].any()


def test_a_cast_over_everything_is_undetermined(tmp_path: Path) -> None:
    run = run_audit(scene_audit(tmp_path, cast_scenes(), OBJECT_ONLY))
    verdicts = table(run, "verdicts")
    wrong = verdicts[~verdicts["correct"]]
    assert wrong["image_id"].tolist() == list(range(24, 30))
    assert (wrong["verdict"] == "undetermined").all()
    # By all else it would be the object's doing.
    assert (wrong["right_replaced"] == 0).all() and (wrong["held"] == 1).all()
    assert (wrong["background_alone"] == 0).all() and wrong["colours_turned"].all()
    assert all("colours of the whole image" in trail[-1] for trail in wrong["trail"])


def test_without_a_second_pass_there_are_suspicions_only(tmp_path: Path) -> None:
    run = run_audit(scene_audit(tmp_path, shortcut_scenes(), GREEN_SHORTCUT, second_pass=0))
    assert not list((run.root / "tables" / "evidence").glob("*"))
    assert not run.second_pass_file.exists()
    verdicts = table(run, "verdicts")
    expected = ["suspected" if lift >= 1 else "undetermined" for lift in verdicts["lift"]]
    assert verdicts["verdict"].tolist() == expected and "suspected" in expected
    empty = ["stratum", "inclusion", "gap", "turned", "held", "right_replaced", "reliance"]
    assert verdicts[empty].isna().all(axis=None)
    findings = table(run, "findings")
    assert set(findings["kind"]) <= {"tag", "context", "slice"}


def contents(run: RunFolder, *folders: str) -> dict[str, str]:
    files = [file for folder in folders for file in (run.root / folder).rglob("*.*")]
    return {
        str(file.relative_to(run.root)): f"{file.stat().st_mtime_ns} "
        + hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }


def test_another_budget_computes_the_second_pass_alone_again(tmp_path: Path) -> None:
    scenes = shortcut_scenes(4, 3)
    of_first = ("records/shards", "partials/peaks", "tables/predictions", "tables/heatmaps")
    small = scene_audit(tmp_path, scenes, GREEN_SHORTCUT, second_pass=4)
    run = run_audit(small)
    first, evidence = contents(run, *of_first), table(run, "evidence")
    tested = set(evidence["image_id"])
    assert len(tested) == (4 * 18 - 1) // 13
    run_audit(small.model_copy(update={"second_pass": ALL_TESTED}))
    assert contents(run, *of_first) == first
    assert set(table(run, "evidence")["image_id"]) == set(range(18))
    run_audit(small)
    pd.testing.assert_frame_equal(table(run, "evidence"), evidence)
    again = contents(run, "tables/evidence", "records/tests")
    run_audit(small)
    assert contents(run, "tables/evidence", "records/tests") == again
    run_audit(small.model_copy(update={"second_pass": 0.0}))
    assert not contents(run, "tables/evidence", "records/tests")
    assert not run.second_pass_file.exists() and contents(run, *of_first) == first


def test_shards_of_one_image_give_the_same_verdicts_and_findings(tmp_path: Path) -> None:
    scenes = shortcut_scenes(4, 4)
    whole = run_audit(scene_audit(tmp_path / "a", scenes, GREEN_SHORTCUT, second_pass=8))
    single = run_audit(
        scene_audit(tmp_path / "b", scenes, GREEN_SHORTCUT, second_pass=8, shard_size=1)
    )
    for name in ("verdicts", "background_stats", "findings"):
        pd.testing.assert_frame_equal(table(whole, name), table(single, name), check_exact=True)
    assert table(whole, "findings")["confirmed"].any()
