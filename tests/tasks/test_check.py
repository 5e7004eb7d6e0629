"""Whether audits written by hand keep a policy."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.check.check import CheckResult, check_run
from tasks.check.junit import write_junit
from tasks.check.policy import Limit, Policy
from tasks.diff.stage import compare_runs
from tasks.errors import AuditError
from tasks.tables.storage import RunFolder
from tests.reference import wilson
from tests.tasks.compared_runs import image, rows_of, write_run

Row = dict[str, Any]


def answers(right: int, images: int, label: int, **facts: Any) -> list[Row]:
    other = (label + 1) % 3
    return [image(f"/data/images/{label}/{i}.png", label, label if i < right else other, **facts)
            for i in range(images)]  # fmt: skip


def held(run: RunFolder, earlier: RunFolder | None = None, /, **limit: Any) -> CheckResult:
    policy = Policy(limit=(Limit(**limit),), on_missing="skip")
    return check_run(run, policy, earlier)


def outcomes(result: CheckResult) -> dict[str, str]:
    return {case.measured.subject: case.outcome for case in result.cases}


@pytest.fixture
def runs(tmp_path: Path) -> tuple[RunFolder, RunFolder]:
    """Before: ants 19 of 20, bees 15 of 20. After: ants 12 of 20, bees 15 of 20, 4 cats wrong."""
    before = write_run(tmp_path / "before", answers(19, 20, 0) + answers(15, 20, 1))
    after = write_run(
        tmp_path / "after", answers(12, 20, 0) + answers(15, 20, 1) + answers(0, 4, 2), failures=3,
        findings=[{"kind": "label", "label": 0, "subject": "mistakes on ant"}],
        units={"dead": (1, 2)},
    )  # fmt: skip
    return before, after


def test_values_are_held_to_their_limit(runs: tuple[RunFolder, RunFolder]):
    result = held(runs[1], metric="accuracy", of="class", at_least=0.7)
    assert outcomes(result) == {"ant": "broken", "bee": "kept", "cat": "skipped"}
    (ant,) = result.of("broken")
    assert (ant.measured.value, ant.measured.images) == (0.6, 20)
    assert (ant.measured.low, ant.measured.high) == pytest.approx(wilson(12, 20))
    (cat,) = result.of("skipped")
    assert cat.reason == "too few images to judge: fewer than 10"
    assert not result.kept


def test_a_bound_may_have_to_keep_the_limit(runs: tuple[RunFolder, RunFolder]):
    low, high = wilson(12, 20)
    for bound, limit, outcome in (
        ("high", high - 0.001, "kept"), ("high", high + 0.001, "broken"),
        ("low", low - 0.001, "kept"), ("low", low + 0.001, "broken"),
        ("estimate", 0.6, "kept"),
    ):  # fmt: skip
        result = held(runs[1], metric="accuracy", of="class", at_least=limit, bound=bound)
        assert outcomes(result)["ant"] == outcome


def test_changes_are_those_of_the_difference(runs: tuple[RunFolder, RunFolder]):
    table = compare_runs(*runs).tables["quantities"]
    for scope in ("common", "all"):
        (row,) = rows_of(table, metric="accuracy", group="class", label="ant", scope=scope)
        result = held(runs[1], runs[0], metric="accuracy", of="class", against=True,
                      drop_at_most=0.02, scope=scope)  # fmt: skip
        (ant,) = [case for case in result.cases if case.measured.subject == "ant"]
        assert ant.outcome == "broken"
        assert ant.measured.value == row["difference"] == pytest.approx(-0.35)
        assert (ant.measured.low, ant.measured.high) == (row["low"], row["high"])
        assert outcomes(result)["bee"] == "kept"


def test_the_bounds_of_a_drop(runs: tuple[RunFolder, RunFolder]):
    """The low bound of a drop is the high bound of the change, turned."""
    (row,) = rows_of(compare_runs(*runs).tables["quantities"], metric="accuracy", group="class",
                     label="ant", scope="common")  # fmt: skip
    for bound, drop in (("low", -row["high"]), ("high", -row["low"]), ("estimate", 0.35)):
        for allowed, outcome in ((drop + 0.001, "kept"), (drop - 0.001, "broken")):
            result = held(runs[1], runs[0], metric="accuracy", of="class", against=True,
                          drop_at_most=allowed, bound=bound)  # fmt: skip
            assert outcomes(result)["ant"] == outcome


def test_a_drop_may_have_to_be_told_apart(tmp_path: Path):
    before = write_run(tmp_path / "a", answers(20, 20, 0) + answers(20, 20, 1))
    after = write_run(tmp_path / "b", answers(18, 20, 0) + answers(8, 20, 1))
    limit = {"metric": "accuracy", "of": "class", "against": True, "drop_at_most": 0.02}
    assert outcomes(held(after, before, **limit)) == {"ant": "broken", "bee": "broken"}
    told = held(after, before, **limit, told_apart=True)
    assert outcomes(told) == {"ant": "kept", "bee": "broken"}


def test_things_are_counted(runs: tuple[RunFolder, RunFolder]):
    before, after = runs
    expected = {
        "failures": 3, "unread_images": 0, "confirmed_findings": 1, "dead_units": 2,
        "new_findings": 1, "died_units": 2,
    }  # fmt: skip
    for metric, number in expected.items():
        (case,) = held(after, before, metric=metric, at_most=number).cases
        assert (case.measured.value, case.outcome) == (number, "kept")
        if number:
            (case,) = held(after, before, metric=metric, at_most=number - 1).cases
            assert case.outcome == "broken"
    (case,) = held(after, before, metric="dead_units", against=True, rise_at_most=1).cases
    assert (case.measured.value, case.outcome) == (2, "broken")
    (case,) = held(before, after, metric="dead_units", against=True, rise_at_most=1).cases
    assert (case.measured.value, case.outcome) == (-2, "kept")


def test_shares_of_images_units_and_mistakes(runs: tuple[RunFolder, RunFolder]):
    before, after = runs
    (case,) = held(after, metric="dead_unit_share", at_most=0.4, least_images=1).cases
    assert (case.measured.value, case.outcome) == (0.5, "broken")
    result = held(after, before, metric="new_mistake_share", of="class", at_most=0.1)
    (ant,) = [case for case in result.cases if case.measured.subject == "ant"]
    assert (ant.measured.value, ant.measured.images, ant.outcome) == (7 / 20, 20, "broken")
    (whole,) = held(after, before, metric="new_mistake_share", at_most=0.2).cases
    assert (whole.measured.value, whole.outcome) == (7 / 40, "kept")


def test_the_worst_slice(tmp_path: Path):
    tagged = [
        image(f"/{i}", 0, 0 if i % 3 or i < 6 else 1, tags=[("camera", str(i % 3))])
        for i in range(36)
    ]
    run = write_run(tmp_path / "a", tagged)
    (case,) = held(run, metric="worst_slice_accuracy", at_least=0.5).cases
    assert (case.measured.subject, case.measured.value) == ("camera = 0", 2 / 12)
    assert case.outcome == "broken"
    assert outcomes(held(run, metric="accuracy", of="slice", at_least=0.5)) == {
        "camera = 0": "broken", "camera = 1": "kept", "camera = 2": "kept"
    }  # fmt: skip


def test_evidence_that_moved(tmp_path: Path):
    left, right = np.zeros((4, 4)), np.zeros((4, 4))
    left[1, 0], right[1, 2] = 1, 1
    before = write_run(tmp_path / "a", answers(12, 12, 0, map=left))
    after = write_run(tmp_path / "b", answers(12, 12, 0, map=right))
    (case,) = held(after, before, metric="evidence_moved", at_most=0.3).cases
    assert case.measured.value == pytest.approx(0.5 * 2 / np.pi, rel=0.02)
    assert case.outcome == "broken"


def driven(mistakes: int, confirmed: int) -> list[Row]:
    tested = {"inclusion": 1.0, "gap": 0.1, "turned": 0.0, "right_replaced": 0.0, "reliance": 0.0}
    rows = answers(0, mistakes, 0)
    for i, row in enumerate(rows):
        row |= tested | {"verdict": "confirmed" if i < confirmed else "not_background"}
    return rows


def test_background_driven_mistakes_by_their_lower_bound(tmp_path: Path):
    run = write_run(tmp_path / "a", driven(30, 9) + answers(5, 20, 1) + answers(20, 20, 2))
    limit = {"metric": "background_driven_share", "of": "class", "bound": "low"}
    low, _ = wilson(9, 30)
    result = held(run, **limit, at_most=low - 0.01)
    assert outcomes(result) == {"ant": "broken", "bee": "skipped", "cat": "kept"}
    assert outcomes(held(run, **limit, at_most=low + 0.01))["ant"] == "kept"
    (bee,) = result.of("skipped")
    assert bee.reason == "the second pass tested none of them"
    (cat,) = [case for case in result.cases if case.measured.subject == "cat"]
    assert cat.reason == "there is no mistake"


def test_what_cannot_be_judged_may_fail(tmp_path: Path):
    run = write_run(tmp_path / "a", answers(5, 20, 1))
    limit = Limit(metric="background_driven_share", of="class", at_most=0.5)
    result = check_run(run, Policy(limit=(limit,), on_missing="fail"))
    assert outcomes(result) == {"bee": "broken"}
    assert not result.kept
    for metric, of in (("accuracy", "slice"), ("object_energy", "all"), ("localization", "all")):
        (case,) = held(run, metric=metric, of=of, at_least=0.1).cases
        assert case.outcome == "skipped" and case.reason


def test_limits_of_some_subjects_only(runs: tuple[RunFolder, RunFolder]):
    result = held(runs[1], metric="accuracy", of="class", at_least=0.7, only=("bee", "dog"))
    assert outcomes(result) == {"bee": "kept", "dog": "skipped"}
    assert result.of("skipped")[0].reason == "no such class was audited"


def test_audits_that_cannot_be_held_against_each_other(runs: tuple[RunFolder, RunFolder]):
    limit = {"metric": "accuracy", "against": True, "drop_at_most": 0.1}
    with pytest.raises(AuditError, match=r"limits a change.*--against"):
        held(runs[1], **limit)
    with pytest.raises(AuditError, match="given twice"):
        held(runs[1], runs[1], **limit)
    with pytest.raises(AuditError, match="not the folder of an audit"):
        held(RunFolder("/nowhere"), metric="failures", at_most=0)


def test_junit_has_a_testcase_per_limit_and_subject(
    runs: tuple[RunFolder, RunFolder], tmp_path: Path
):
    result = held(runs[1], metric="accuracy", of="class", at_least=0.7, name="floor \x00<&>")
    write_junit(result, tmp_path / "junit.xml")
    suites = ElementTree.parse(tmp_path / "junit.xml").getroot()
    (suite,) = suites
    assert (suites.tag, suite.tag) == ("testsuites", "testsuite")
    for element in (suites, suite):
        told = [element.get(name) for name in ("tests", "failures", "errors", "skipped")]
        assert told == ["3", "1", "0", "1"]
    ant, bee, cat = suite
    assert ant.get("classname") == "camaudit.accuracy"
    assert ant.get("name") == "floor \ufffd<&>, value at least 0.7: ant"
    assert [child.tag for child in ant] == ["failure"]
    assert ant[0].get("message") == "0.600 [0.387, 0.781] breaks value at least 0.7"
    assert "20 images" in str(ant[0].text)
    assert [child.tag for child in bee] == ["system-out"]
    assert cat[0].tag == "skipped"
    assert cat[0].get("message") == "too few images to judge: fewer than 10"
