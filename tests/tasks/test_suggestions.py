"""What to relabel, augment and collect, against lists and numbers worked out by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import AuditError
from tasks.suggestions.contexts import Context
from tasks.suggestions.group_balance import MOST_WEIGHT, SHORT, balance
from tasks.suggestions.suggestions import counts, suggest
from tasks.tables.suggestion_schemas import SUGGESTIONS
from tests.tasks.suggested_run import draws, seen, write_suggested_run

CONFIRMED = {"inclusion": 1.0, "right_replaced": 0.9, "held": 0.1, "verdict": "confirmed"}


def scenes() -> list[dict[str, Any]]:
    """Boats: 20 on water, 5 on land. Mugs: 4 on water, of which 0 and 1 are taken for boats, and
    16 on land. Fish: 10 and 10, all right."""
    rows = [seen(0, 0, 1, "water", **CONFIRMED, reliance=0.5)]
    rows.append(seen(1, 0, 1, "water", reliance=0.9))
    rows += [seen(i, 0, 0, "water") for i in (2, 3)]
    rows += [seen(i, 0, 0, "land") for i in range(4, 20)]
    rows += [seen(i, 1, 1, "water") for i in range(20, 40)]
    rows += [seen(i, 1, 1, "land") for i in range(40, 45)]
    rows += [seen(i, 2, 2, "water" if i < 55 else "land") for i in range(45, 65)]
    return rows


def listed(table: Any, **wanted: str) -> list[int]:
    rows = [r for r in table.to_pylist() if all(r[name] == v for name, v in wanted.items())]
    return [int(Path(row["uri"]).stem) for row in rows]


def test_a_shortcut_is_taken_apart(tmp_path: Path) -> None:
    run = write_suggested_run(tmp_path / "run", scenes(), [draws(1, "water")])
    found = suggest(run)
    assert found.table.schema.equals(SUGGESTIONS)
    # Mistakes first, the one that leans on it most before the other, then the boats that lent it.
    assert listed(found.table, action="augment") == [1, 0, *range(20, 40)]
    # Mugs on water (4 of 20) are rarer than boats on land (5 of 16): they come first.
    assert listed(found.table, action="collect") == [2, 3, *range(40, 45)]
    rows = {int(Path(row["uri"]).stem): row for row in found.table.to_pylist()}
    # The four groups have 4, 16, 20 and 5 images, the largest weighs 1.
    for number, group, weight in (
        (1, "mug|scene = water", 5.0), (2, "mug|scene = water", 5.0),
        (30, "boat|scene = water", 1.0), (44, "boat|not scene = water", 4.0),
    ):  # fmt: skip
        assert rows[number]["group"] == group
        assert rows[number]["weight"] == pytest.approx(weight)
    assert "as the second pass has shown" in rows[0]["reason"]
    assert rows[1]["reason"].startswith("taken for boat in scene = water;")
    assert found.missing == [
        "mug in scene = water has 4 images: collect 16 more, as many as boat has there (20)",
        "boat outside of scene = water has 5 images: collect 11 more, as many as mug has there "
        "(16)",
    ]  # fmt: skip
    assert rows[2]["reason"] == found.missing[0]
    assert {row["finding"] for row in rows.values()} == {"scene = water -> boat"}
    assert [row["rank"] for row in rows.values()] == list(range(len(rows)))


def test_listed_weights_balance_all_groups(tmp_path: Path) -> None:
    run = write_suggested_run(tmp_path / "run", scenes(), [draws(1, "water")])
    weights = {row["uri"]: row["weight"] for row in suggest(run).table.to_pylist()}
    totals: dict[tuple[int, str], float] = {}
    for row in scenes():
        key = row["label"], row["tags"][0][1]
        totals[key] = totals.get(key, 0.0) + weights.get(row["uri"], 1.0)
    # Mugs on land have 16 of the 20 that boats on water have: nothing is missing there.
    assert totals.pop((0, "land")) == 16
    assert [totals[key] for key in ((0, "water"), (1, "water"), (1, "land"))] == [20, 20, 20]


def test_each_image_stands_once_under_the_gravest_action(tmp_path: Path) -> None:
    findings = [
        draws(1, "water"),
        {"kind": "pair", "label": 0, "predicted": 1, "subject": "mug -> boat"},
        {"kind": "label", "label": 0, "subject": "mistakes on mug"},
        {"kind": "leaning", "label": 1, "predicted": 1, "subject": "correct predictions of boat"},
    ]
    rows = scenes()
    rows[40] |= CONFIRMED | {"reliance": 0.7}  # a boat on land that is right by its background
    table = suggest(write_suggested_run(tmp_path / "run", rows, findings)).table
    uris = table["uri"].to_pylist()
    assert len(uris) == len(set(uris))
    leaning = listed(table, finding="correct predictions of boat")
    assert leaning == [40] and listed(table, action="augment")[-1] == 40
    assert counts(table).to_dict("records")[-1] == {
        "finding": "correct predictions of boat", "action": "augment", "images": 1
    }  # fmt: skip


def test_fewer_of_each_finding_and_action(tmp_path: Path) -> None:
    run = write_suggested_run(tmp_path / "run", scenes(), [draws(1, "water")])
    assert listed(suggest(run, 3).table) == [1, 0, 20, 2, 3, 40]
    with pytest.raises(AuditError, match="at least 1 image"):
        suggest(run, 0)


def test_a_context_goes_by_the_tag_that_explains_it_else_by_its_number(tmp_path: Path) -> None:
    finding = {"kind": "context", "predicted": 1, "subject": "context 7 -> boat"}
    on_water = [i for i, row in enumerate(scenes()) if row["tags"][0][1] == "water"]
    for members, name in ((on_water, "scene = water"), (range(0, 65, 2), "context 7")):
        run = write_suggested_run(
            tmp_path / name, scenes(), [finding], contexts={7: list(members)}
        )  # fmt: skip
        groups = set(suggest(run).table["group"].to_pylist())
        assert groups and all(group.endswith(f"|{name}") or f"|not {name}" in group
                              for group in groups)  # fmt: skip


def test_a_slice_is_to_be_as_large_as_the_others(tmp_path: Path) -> None:
    """3 scenes: of the 21 mugs 3 stand in fog, where one is wrong by its background."""
    rows = [seen(i, 0, 0, ("sea", "hall", "fog")[0 if i < 9 else 1 if i < 18 else 2])
            for i in range(21)]  # fmt: skip
    rows += [seen(i, 1, 1, "fog") for i in range(21, 26)]
    rows[20] |= {"predicted": 1} | CONFIRMED
    finding = {"kind": "slice", "subject": "scene = fog"}
    found = suggest(write_suggested_run(tmp_path / "run", rows, [finding]))
    assert found.missing == [
        "mug in scene = fog has 3 images: collect 6 more, as many as there are elsewhere (9)"
    ]
    assert listed(found.table, action="augment") == [20]
    assert listed(found.table, action="collect") == [18, 19]
    assert set(found.table["weight"].to_pylist()) == {3.0}


def test_a_class_that_never_stands_outside_is_told_though_no_image_shows_it(tmp_path: Path) -> None:
    rows = [row for row in scenes() if not (row["label"] == 1 and row["tags"][0][1] == "land")]
    found = suggest(write_suggested_run(tmp_path / "run", rows, [draws(1, "water")]))
    assert found.missing[1].startswith("boat outside of scene = water has 0 images: collect 16 ")
    assert listed(found.table, action="collect") == [2, 3]


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=60))
def test_groups_weigh_alike_and_aims_level_each_side(images: list[tuple[int, bool]]) -> None:
    labels = np.array([label for label, _ in images], dtype=np.int64)
    context = Context("c", np.array([inside for _, inside in images]))
    groups = balance(labels, context, [0, 1, 2])
    sizes = {(c, side): images.count((c, side)) for c in range(3) for side in (True, False)}
    most = max(sizes.values())
    for group in groups:
        size = sizes.pop((group.label, group.inside))
        assert group.images == size
        expected = most if 0 < most <= MOST_WEIGHT * size else MOST_WEIGHT * size
        assert size == 0 or group.weight * size == pytest.approx(expected)
        aim = max(images.count((c, group.inside)) for c in range(3))
        assert group.missing == (aim - size if size < SHORT * aim else 0)
    assert not sizes


def test_nothing_found_is_an_empty_list_with_its_columns(tmp_path: Path) -> None:
    unsure = draws(1, "water", confirmed=False)
    found = suggest(write_suggested_run(tmp_path / "run", scenes(), [unsure]))
    assert (found.table.num_rows, found.findings, found.missing) == (0, 0, [])
    assert found.table.schema.equals(SUGGESTIONS)


def test_audits_that_say_nothing(tmp_path: Path) -> None:
    run = write_suggested_run(tmp_path / "run", scenes())
    run.complete_file.unlink()
    with pytest.raises(AuditError, match="has not finished"):
        suggest(run)
    with pytest.raises(AuditError, match="not the folder of an audit"):
        suggest(type(run)(tmp_path))
    unlabelled = write_suggested_run(tmp_path / "none", [])
    with pytest.raises(AuditError, match=r"no image of .* has a label"):
        suggest(unlabelled)
