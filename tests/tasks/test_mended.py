"""Which classes two audits call mended: made-up audits whose truth is known."""

from math import comb
from pathlib import Path
from typing import Any

import pytest

from tasks.diff.stage import Difference, compare_runs
from tests.tasks.compared_runs import image, rows_of, write_run
from tests.tasks.shortcut_runs import write_shortcut_run

SHORTCUT = {"kind": "tag", "predicted": 1, "subject": "scene = sea -> bee", "p_value": 1e-6}
DRIVEN = {"inclusion": 1.0, "right_replaced": 0.9, "gap": 0.5, "verdict": "confirmed"}
TESTED = {"inclusion": 1.0, "right_replaced": 0.9, "gap": 0.0}


def shown(taken: int, *, bees_wrong: int = 0, tested: bool = True) -> list[dict[str, Any]]:
    """40 ants at sea, of which the first `taken` are taken for bees; 40 ants and 40 bees on land,
    of which the first `bees_wrong` are taken for cats."""
    rows = []
    for i in range(120):
        label, scene = (0, "sea") if i < 40 else (0, "land") if i < 80 else (1, "land")
        wrong = i < taken or 80 <= i < 80 + bees_wrong
        predicted = (1 if label == 0 else 2) if wrong else label
        facts = (DRIVEN if i < taken else TESTED) if tested else {}
        tags = [("scene", scene)]
        rows.append(image(f"/x/{i:03d}.png", label, predicted, tags=tags, contexts=[3] * (i < 40),
                          **facts))  # fmt: skip
    return rows


def held(tmp_path: Path, after: list[dict[str, Any]], found_a: Any, found_b: Any) -> Difference:
    first = write_run(tmp_path / "a", shown(20), findings=found_a)
    return compare_runs(first, write_run(tmp_path / "b", after, findings=found_b))


def states(difference: Difference) -> dict[str, str]:
    return {row["label"]: row["state"] for row in difference.tables["mended"].to_pylist()}


def test_a_class_whose_shortcut_is_gone_is_mended(tmp_path: Path) -> None:
    found = held(tmp_path, shown(1), [SHORTCUT], [])
    (row,) = found.tables["mended"].to_pylist()
    assert row == {"label": "bee", "state": "mended", "findings_b": [],
                   "findings_a": ["scene = sea -> bee"]}  # fmt: skip
    (taken,) = rows_of(found.tables["mended_evidence"], measure="taken_for")
    assert (taken["value_a"], taken["value_b"], taken["images_a"]) == (20 / 40, 1 / 40, 40)
    assert taken["subject_a"] == "scene = sea" and taken["clear"]
    # Of the 19 that one audit alone takes for bees all are A's, given the 17 hits from which on
    # Fisher's test (17 of 40 against 0 of 40: C(40, 17) / C(80, 17)) reaches the p of A's finding.
    assert comb(40, 17) / comb(80, 17) <= 1e-6 < comb(40, 16) / comb(80, 16)
    given = sum(comb(19, hits) for hits in range(17 - 1, 20))
    assert taken["p_value"] == pytest.approx(1 / given)


def test_a_context_of_a_is_followed_by_its_images(tmp_path: Path) -> None:
    context = {"kind": "context", "predicted": 1, "subject": "context 3 -> bee"}
    found = held(tmp_path, shown(1), [context], [])
    assert states(found) == {"bee": "mended"}
    (taken,) = rows_of(found.tables["mended_evidence"], measure="taken_for")
    assert (taken["subject_a"], taken["images_b"], taken["value_b"]) == (
        "context 3 of A",
        40,
        1 / 40,
    )


def test_driven_mistakes_are_counted_on_and_into_a_class(tmp_path: Path) -> None:
    pair = {"kind": "pair", "label": 0, "predicted": 1, "subject": "ant -> bee"}
    found = held(tmp_path, shown(2), [pair], [])
    assert states(found) == {"ant": "mended", "bee": "mended"}
    (on,) = rows_of(found.tables["mended_evidence"], label="ant", measure="driven")
    (into,) = rows_of(found.tables["mended_evidence"], label="bee", measure="driven_into")
    # 80 ants; 40 bees and the ants that are taken for them.
    assert (on["value_a"], on["value_b"]) == pytest.approx((20 / 80, 2 / 80))
    assert (into["value_a"], into["value_b"]) == pytest.approx((20 / 60, 2 / 42))
    (worst,) = rows_of(found.tables["mended_evidence"], label="ant", measure="worst_group")
    assert (worst["value_a"], worst["value_b"]) == (20 / 40, 38 / 40)


def test_reasons_for_not_being_mended(tmp_path: Path) -> None:
    pair = {"kind": "pair", "label": 0, "predicted": 1, "subject": "ant -> bee"}
    for name, after, a, b, state in (
        ("still", shown(16), SHORTCUT, [SHORTCUT], "still"),
        ("part", shown(1), SHORTCUT, [SHORTCUT], "partly"),
        ("other", shown(1), SHORTCUT, [pair], "partly"),
        ("hint", shown(1), SHORTCUT, [SHORTCUT | {"confirmed": False, "p_value": 0.04}], "partly"),
        ("fell", shown(1, bees_wrong=30), SHORTCUT, [SHORTCUT], "still"),
        ("doubt", shown(1), SHORTCUT, [SHORTCUT | {"confirmed": False, "p_value": 0.3}], "mended"),
        ("worse", shown(1, bees_wrong=30), SHORTCUT, [], "worse"),
        ("unclear", shown(16), SHORTCUT, [], "unclear"),
        ("untested", shown(1, tested=False), pair, [], "untested"),
        ("first", shown(1, tested=False), SHORTCUT, [], "mended"),
    ):  # fmt: skip
        assert states(held(tmp_path / name, after, [a], b))["bee"] == state, name
    (row,) = held(tmp_path / "again", shown(1), [SHORTCUT],
                  [SHORTCUT | {"confirmed": False, "p_value": 0.04}]
                  ).tables["mended"].to_pylist()  # fmt: skip
    assert row["findings_b"] == ["scene = sea -> bee (unconfirmed)"]


def test_no_findings_no_classes(tmp_path: Path) -> None:
    found = held(tmp_path, shown(1), [SHORTCUT | {"confirmed": False}], [SHORTCUT])
    assert found.tables["mended"].num_rows == found.tables["mended_evidence"].num_rows == 0


@pytest.mark.parametrize("images", ["/a", "/b"])
def test_the_same_model_again_mends_nothing(tmp_path: Path, images: str) -> None:
    """Shortcuts that one audit finds and the next may miss by chance: the same images with answers
    of their own, and other images."""
    blamed = 0
    for seed, strength in enumerate((0.07, 0.1, 0.15)):
        first = write_shortcut_run(tmp_path / f"a{seed}", 2 * seed, strength, "/a")
        again = write_shortcut_run(tmp_path / f"b{seed}", 2 * seed + 1, strength, images)
        found = compare_runs(first, again)
        assert (found.coverage["common"] > 0) == (images == "/a")
        blamed += len(states(found))
        assert not {"mended", "partly"}.intersection(states(found).values())
    assert blamed


@pytest.mark.parametrize("images", ["/a", "/b"])
def test_a_model_without_the_shortcut_is_mended_of_it(tmp_path: Path, images: str) -> None:
    """On the same images and on others."""
    first = write_shortcut_run(tmp_path / "a", 1, 0.3, "/a")
    found = compare_runs(first, write_shortcut_run(tmp_path / "b", 2, 0.0, images))
    assert (found.coverage["common"] > 0) == (images == "/a")
    assert states(found) == dict.fromkeys(("ant", "bee", "cat"), "mended")
