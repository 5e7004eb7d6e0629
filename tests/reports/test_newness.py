"""What a report and a few lines say of a run that goes on from another one."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from reports.newness import state_newness
from reports.summary import summarise
from tasks.errors import AuditError
from tasks.tables.storage import RunFolder
from tests.reports.small_run import write_small_run

PREVIOUS = "/runs/<last> & first"


def state(root: Path, **changes: Any) -> list[tuple[str, str]]:
    counts = {"shards": 120, "shards_taken": 118, "images": 30_000, "images_taken": 29_488}
    tests = {"shards": 9, "shards_taken": 9, "images": 280, "images_taken": 280}
    content = {"previous": PREVIOUS, "differences": [], "by": "hard link", "first_pass": counts,
               "second_pass": tests}  # fmt: skip
    (root / "taken.json").write_text(json.dumps({**content, **changes}))
    (statements,) = state_newness(RunFolder(root)).values()
    return statements


def test_both_passes_say_how_much_was_computed(tmp_path: Path) -> None:
    assert state_newness(RunFolder(tmp_path)) == {}
    assert state(tmp_path) == [
        ("First pass", "2 of 120 shards, 512 of 30,000 images computed; the rest taken from "
         f"{PREVIOUS}, by hard link."),
        ("Second pass", "0 of 9 shards, 0 of 280 tested images computed; the rest taken from "
         f"{PREVIOUS}, by hard link."),
    ]  # fmt: skip


def test_where_nothing_could_be_taken_it_says_why(tmp_path: Path) -> None:
    none = dict.fromkeys(("shards", "shards_taken", "images", "images_taken"), 0)
    differs = state(tmp_path, differences=["top_k: 5 there, 3 asked for", "method: a there, b"])
    assert differs[0][0] == "Nothing was taken over"
    assert "top_k: 5 there, 3 asked for; method: a there, b." in differs[0][1]
    alone = state(tmp_path, first_pass={**none, "shards": 1, "images": 7}, second_pass=none)
    assert alone == [
        ("First pass",
         f"1 of 1 shard, 7 of 7 images computed; nothing could be taken from {PREVIOUS}.")
    ]  # fmt: skip


@pytest.mark.parametrize("labelled", [True, False])
def test_the_headline_counts_what_the_tables_hold(tmp_path: Path, labelled: bool) -> None:
    run = write_small_run(tmp_path, labelled=labelled).folder
    predictions = pd.read_parquet(run / "tables" / "predictions")
    summary = summarise(run)
    if labelled:
        right = int(predictions["correct"].sum())
        share = f"{100 * right / len(predictions):.1f} %"
        assert f"the right class for {right} of {len(predictions)} labelled" in summary.headline
        assert share in summary.headline
    else:
        assert "no labels" in summary.headline
    assert "2 images could not be audited." in summary.headline
    assert summary.newness == []


def test_no_audit_has_no_summary(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="not the folder of an audit"):
        summarise(tmp_path)
