"""Numbers of groups against cases done by hand; what is missing; any order of rows."""

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from tasks.errors import AuditError
from tasks.findings.background_stats import background_stats
from tasks.findings.groups import FEWEST_IMAGES, MOST_VALUES
from tasks.tables.background_schemas import BACKGROUND_STATS
from tests.tasks.findings_verdicts import driven, frame, verdict


def mixed() -> list[dict[str, Any]]:
    """Class 0: 4 right, 6 taken for 1, 2 for 2. Class 1: 3 right. Class 2: 1 right, 1 for 1."""
    return [
        driven(0, 0, 0, 1.0),
        verdict(1, 0, 0, 0.5),
        verdict(2, 0, 0),
        verdict(3, 0, 0),
        driven(4, 0, 1, 1.0),
        driven(5, 0, 1, 1.0, gap=0.6),
        verdict(6, 0, 1, 1.0, gap=-0.1, turned=0.5, right_replaced=0.5),
        driven(7, 0, 1, 0.5, gap=0.9),
        verdict(8, 0, 1, 0.5, gap=0.1),
        verdict(9, 0, 1),
        verdict(10, 0, 2),
        verdict(11, 0, 2),
        verdict(12, 1, 1),
        verdict(13, 1, 1),
        verdict(14, 1, 1),
        verdict(15, 2, 2, 0.5, gap=0.2),
        verdict(16, 2, 1, 1.0, gap=None, turned=None, right_replaced=None),
    ]


def rows_of(table: Any) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Rows by their group and what it is about."""
    names = ("label", "predicted", "tag", "value")
    found = {}
    for row in table.to_pylist():
        about = [row[name] for name in names if row[name] not in (-1, None)]
        found[(row["group"], *about)] = row
    return found


def test_numbers_by_hand() -> None:
    table = background_stats(frame(mixed()), None)
    assert table.schema == BACKGROUND_STATS
    rows = rows_of(table)
    assert list(rows) == [
        ("all",), ("label", 0), ("label", 1), ("label", 2), ("predicted", 0), ("predicted", 1),
        ("predicted", 2), ("pair", 0, 1), ("pair", 0, 2), ("pair", 2, 1),
    ]  # fmt: skip
    pair = rows["pair", 0, 1]
    assert (pair["images"], pair["mistakes"], pair["tested_mistakes"]) == (6, 6, 5)
    assert (pair["turned_mistakes"], pair["tested_correct"]) == (4, 0)
    # 3 certain, 2 of them driven; 3 others, 2 tested, 1 of them driven.
    assert pair["driven_share"] == pytest.approx((2 + 3 / 2) / 6)
    assert pair["gap"] == pytest.approx((0.8 + 0.6 - 0.1 + 3 * 0.5) / 6)
    assert pair["accuracy_kept"] == 0
    assert pair["accuracy_replaced"] == pytest.approx((1 + 1 + 0.5 + 3 * 0.5) / 6)
    assert pair["leaning_share"] is None and pair["leaning_low"] is None
    # 0.8 + 0.6 - 0.1 + 0.9 + 0.1 = 2.3 of at most 2.5: met with all signs positive, with either
    # 0.1 negative, and no other way.
    assert pair["p_value"] == 3 / 32


def test_all_and_classes_by_hand() -> None:
    rows = rows_of(background_stats(frame(mixed()), None))
    everything = rows[("all",)]
    assert (everything["images"], everything["mistakes"]) == (17, 9)
    assert (everything["tested_mistakes"], everything["tested_correct"]) == (6, 3)
    assert everything["accuracy_kept"] == pytest.approx(8 / 17)
    # Correct: 1 certain (driven), 7 others, 2 tested, none driven, gaps 0 and 0.2.
    assert everything["leaning_share"] == pytest.approx(1 / 8)
    control = (0.8 + 7 * 0.1) / 8
    assert all(row["control_gap"] == pytest.approx(control) for row in rows.values())
    # 4 certain mistakes; one has no gap, so 3 of those 4 speak for it. 5 others, 2 tested.
    assert everything["gap"] == pytest.approx((4 * (1.3 / 3) + 5 * 0.5) / 9)
    into_1 = rows["predicted", 1]
    assert (into_1["images"], into_1["mistakes"], into_1["tested_mistakes"]) == (10, 7, 6)
    assert into_1["accuracy_kept"] == pytest.approx(3 / 10)
    label_1 = rows["label", 1]
    assert label_1["driven_share"] is None and label_1["driven_low"] is None  # no mistakes
    assert label_1["leaning_share"] is None  # 3 correct, none tested
    assert (label_1["leaning_low"], label_1["leaning_high"]) == (0, 1)
    assert label_1["accuracy_replaced"] is None
    assert label_1["p_value"] == 1


def test_a_census_is_wilsons_interval_on_all() -> None:
    rows = [driven(i, 0, 1, 1.0) for i in range(7)] + [verdict(i, 0, 1, 1.0) for i in range(7, 9)]
    pair = rows_of(background_stats(frame(rows), None))["pair", 0, 1]
    expected = binomtest(7, 9).proportion_ci(method="wilson")
    assert pair["driven_share"] == pytest.approx(7 / 9)
    assert (pair["driven_low"], pair["driven_high"]) == pytest.approx(
        (expected.low, expected.high), abs=1e-9
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([verdict(0, 3, 3)], {("all",), ("label", 3), ("predicted", 3)}),
        ([verdict(0, 3, 1, 1.0)], {("all",), ("label", 3), ("predicted", 1), ("pair", 3, 1)}),
        ([verdict(i, 2, 2, 0.5) for i in range(9)], {("all",), ("label", 2), ("predicted", 2)}),
        (
            [driven(i, i % 2, 1 - i % 2, 1.0) for i in range(8)],
            {("all",), ("label", 0), ("label", 1), ("predicted", 0), ("predicted", 1),
             ("pair", 0, 1), ("pair", 1, 0)},
        ),
    ],
    ids=["one image", "one mistake", "one class, no mistakes", "only mistakes"],
)  # fmt: skip
def test_odd_audits_have_whole_rows(rows: list[dict[str, Any]], expected: set[Any]) -> None:
    found = rows_of(background_stats(frame(rows), None))
    assert set(found) == expected
    for row in found.values():
        wrong = row["mistakes"]
        assert row["accuracy_kept"] == pytest.approx(1 - wrong / row["images"])
        assert (row["driven_low"] is None) == (wrong == 0)
        assert (row["leaning_low"] is None) == (wrong == row["images"])
        assert 0 <= row["accuracy_replaced_low"] <= row["accuracy_replaced_high"] <= 1
        assert not any(isinstance(v, float) and math.isnan(v) for v in row.values())


def test_without_a_second_pass_all_remains_possible() -> None:
    rows = [verdict(i, 0, i % 3) for i in range(12)]
    for row in background_stats(frame(rows), None).to_pylist():
        assert row["driven_share"] is None and row["gap"] is None and row["control_gap"] is None
        if row["mistakes"]:
            assert (row["driven_low"], row["driven_high"]) == (0, 1)
            assert (row["gap_low"], row["gap_high"]) == (-1, 1)
        assert row["p_value"] == 1


def test_no_images_no_rows() -> None:
    table = background_stats(frame([]), pd.DataFrame({"image_id": [1], "site": ["a"]}))
    assert table.schema == BACKGROUND_STATS and table.num_rows == 0


def test_slices_are_tags_with_few_values_on_enough_images() -> None:
    images = 60
    rows = [verdict(i, 0, int(i % 4 == 0)) for i in range(images)]
    site = ["north"] * 40 + ["south"] * 14 + ["west"] * (FEWEST_IMAGES - 1) + [None, "east"]
    tags = pd.DataFrame(
        {
            "image_id": range(images),
            "site": site,
            "constant": "x",
            "time": [str(i) for i in range(images)],
            "rare": ["a"] * (images - 2) + ["b"] * 2,
            "empty": [None] * images,
        }
    ).sample(frac=1, random_state=0)
    found = rows_of(background_stats(frame(rows), tags))
    slices = {key[1:]: row for key, row in found.items() if key[0] == "slice"}
    assert set(slices) == {("site", "north"), ("site", "south")}
    assert (slices["site", "north"]["images"], slices["site", "north"]["mistakes"]) == (40, 10)
    assert (slices["site", "south"]["images"], slices["site", "south"]["mistakes"]) == (14, 4)


def test_a_tag_with_too_many_values_is_no_slice() -> None:
    for values, expected in ((MOST_VALUES, MOST_VALUES), (MOST_VALUES + 1, 0)):
        images = values * FEWEST_IMAGES
        rows = [verdict(i, 0, 0) for i in range(images)]
        tags = pd.DataFrame(
            {"image_id": range(images), "camera": [str(i % values) for i in range(images)]}
        )
        table = background_stats(frame(rows), tags)
        assert sum(row["group"] == "slice" for row in table.to_pylist()) == expected


@settings(max_examples=12, deadline=None)
@given(st.permutations(range(17)), st.permutations(range(17)))
def test_the_order_of_rows_does_not_matter(first: list[int], second: list[int]) -> None:
    tags = pd.DataFrame({"image_id": range(17), "site": ["a", "b", "b"] * 5 + ["a", None]})
    expected = background_stats(frame(mixed()), tags)
    assert "slice" in expected["group"].to_pylist()
    assert background_stats(frame(mixed()).iloc[first], tags.iloc[second]).equals(expected)


def test_bad_verdicts_are_errors() -> None:
    good = frame(mixed())
    with pytest.raises(AuditError, match="verdicts lack gap, verdict; expected the columns"):
        background_stats(good.drop(columns=["gap", "verdict"]), None)
    with pytest.raises(AuditError, match="image 3 has two verdicts"):
        background_stats(pd.concat([good, good.iloc[3:4]]), None)
    with pytest.raises(AuditError, match="image 4 has label 0, prediction 1 and correct = True"):
        background_stats(good.assign(correct=True), None)
    with pytest.raises(AuditError, match="inclusion is a probability"):
        background_stats(good.assign(inclusion=2.0), None)
    with pytest.raises(AuditError, match=r"tags are no table of one row per image.*got.*site"):
        background_stats(good, pd.DataFrame({"site": ["a"]}))
    with pytest.raises(AuditError, match="without repetitions"):
        background_stats(good, pd.DataFrame({"image_id": [1, 1], "site": ["a", "b"]}))
