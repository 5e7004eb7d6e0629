"""What differs between two audits written by hand, worked out by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tasks.diff.stage import Difference, compare_runs
from tasks.errors import AuditError
from tasks.findings.background_stats import background_stats
from tasks.tables.storage import RunFolder
from tests.reference import wilson
from tests.tasks.compared_runs import facts_of, image, rows_of, write_run


def difference(tmp_path: Path, a: list[Any], b: list[Any], **changes: Any) -> Difference:
    return compare_runs(write_run(tmp_path / "a", a), write_run(tmp_path / "b", b, **changes))


def answers(predicted: list[int], label: int, **facts: Any) -> list[dict[str, Any]]:
    return [image(f"/data/images/{label}/{i}.png", label, p, **facts)
            for i, p in enumerate(predicted)]  # fmt: skip


def test_accuracy_and_confusions_are_paired(tmp_path: Path):
    """40 ants: 30 right in both, 8 in A alone (5 now bees), 1 in B alone. 20 bees as before."""
    bees = answers([1] * 15 + [2] * 5, 1)
    a = answers([0] * 38 + [1, 2], 0) + bees
    b = answers([0] * 30 + [1] * 5 + [2] * 3 + [1, 0], 0) + bees
    found = difference(tmp_path, a, b).tables["quantities"]
    (ant,) = rows_of(found, metric="accuracy", group="class", label="ant")
    assert (ant["images_a"], ant["value_a"]) == (40, 38 / 40)
    assert (ant["images_b"], ant["value_b"], ant["images_common"]) == (40, 31 / 40, 40)
    assert (ant["low_b"], ant["high_b"]) == pytest.approx(wilson(31, 40))
    assert (ant["only_a"], ant["only_b"]) == (8, 1)
    assert ant["difference"] == pytest.approx(-7 / 40)
    mid_p = stats.binomtest(1, 9, 0.5).pvalue - 9 / 2**9
    assert ant["p_value"] == pytest.approx(mid_p)
    tests = [
        row
        for row in found.to_pylist()
        if row["metric"] in ("accuracy", "confusion") and row["only_a"] + row["only_b"] >= 4
    ]
    assert len(tests) == 4  # of all, of ants, of ants taken for bees and for cats
    expected = stats.false_discovery_control([row["p_value"] for row in tests])
    assert [row["q_value"] for row in tests] == pytest.approx(list(expected))
    assert ant["changed"] is True and ant["better"] is False
    (bee,) = rows_of(found, metric="accuracy", group="class", label="bee")
    assert (bee["difference"], bee["p_value"], bee["changed"], bee["better"]) == (0, 1, False, None)
    (whole,) = rows_of(found, metric="accuracy", group="all")
    assert (whole["value_a"], whole["value_b"]) == (53 / 60, 46 / 60)
    (pair,) = rows_of(found, metric="confusion", label="ant", predicted="bee")
    assert (pair["images_a"], pair["value_a"], pair["value_b"]) == (40, 1 / 40, 6 / 40)
    assert (pair["only_a"], pair["only_b"]) == (0, 5)
    assert not rows_of(found, scope="all")  # the same images: said once


def test_a_large_change_of_few_images_and_a_small_one_of_many_are_not_called(tmp_path: Path):
    few_a, few_b = answers([0] * 4, 0), answers([1] * 4, 0)
    many_a, many_b = answers([1] * 2_000, 1), answers([1] * 1_970 + [2] * 30, 1)
    found = difference(tmp_path, few_a + many_a, few_b + many_b).tables["quantities"]
    (few,) = rows_of(found, metric="accuracy", group="class", label="ant")
    assert few["difference"] == -1 and few["p_value"] is None and few["changed"] is False
    (many,) = rows_of(found, metric="accuracy", group="class", label="bee")
    assert many["q_value"] < 1e-6 and many["floor"] == 0.02 and many["changed"] is False


def test_images_of_one_audit_are_in_the_second_scope_alone(tmp_path: Path):
    a = answers([0] * 20, 0)
    b = answers([0] * 20, 0) + [image(f"/data/images/0/new{i}.png", 0, 1) for i in range(20)]
    found = difference(tmp_path, a, b).tables["quantities"]
    (common,) = rows_of(found, metric="accuracy", group="class", scope="common")
    (every,) = rows_of(found, metric="accuracy", group="class", scope="all")
    assert (common["images_b"], common["value_b"]) == (20, 1.0)
    assert (every["images_a"], every["images_b"], every["images_common"]) == (20, 40, 20)
    assert every["value_b"] == 0.5
    assert not common["changed"] and every["changed"]


def test_relabelled_images_are_compared_in_no_pair(tmp_path: Path):
    a, b = answers([0] * 10, 0), answers([0] * 10, 0)
    b[0]["label"] = 1
    found = difference(tmp_path, a, b)
    (row,) = rows_of(found.tables["quantities"], metric="accuracy", group="all", scope="common")
    assert row["images_a"] == row["images_b"] == 9
    assert found.coverage["relabelled"] == 1
    assert sum(r["relabelled"] for r in found.tables["image_pairs"].to_pylist()) == 1
    assert found.tables["mistake_changes"].num_rows == 0


def test_means_are_over_the_images_with_objects(tmp_path: Path):
    generator = np.random.default_rng(0)
    before, after = generator.uniform(0.3, 0.6, 12), generator.uniform(0.5, 0.9, 12)
    a = [image(f"/data/images/{i}", 0, 0, energy=e) for i, e in enumerate(before)]
    b = [image(f"/data/images/{i}", 0, 0, energy=e) for i, e in enumerate(after)]
    a.append(image("/data/images/x", 0, 0))
    b.append(image("/data/images/x", 0, 0, energy=0.1))
    found = difference(tmp_path, a, b).tables["quantities"]
    (row,) = rows_of(found, metric="object_energy", group="class")
    first, second = before.astype(np.float32), np.r_[after, 0.1].astype(np.float32)
    assert (row["images_a"], row["images_b"], row["images_common"]) == (12, 13, 12)
    assert row["value_a"] == pytest.approx(first.mean(), abs=1e-6)
    assert row["difference"] == pytest.approx(second.mean() - first.mean(), abs=1e-6)
    half = stats.t.ppf(0.975, 11) * first.std(ddof=1) / np.sqrt(12)
    assert row["low_a"] == pytest.approx(first.mean() - half, abs=1e-6)


def test_sampled_shares_are_those_of_the_audits_own_statistics(tmp_path: Path):
    """Weighted by inclusion: the same numbers as `background_stats` of each audit."""
    generator = np.random.default_rng(4)

    def tested(share: float) -> list[dict[str, Any]]:
        rows = []
        for i in range(60):
            facts: dict[str, Any] = {}
            if i % 3 == 0:
                driven = generator.random() < share
                facts = {"inclusion": 1.0 if i % 2 else 0.4, "right_replaced": float(driven),
                         "gap": 0.1, "turned": 0.0, "reliance": 0.0,
                         "verdict": "confirmed" if driven else "not_background"}  # fmt: skip
            rows.append(image(f"/data/images/{i}", i % 2, 1, **facts))
        return rows

    a, b = tested(0.1), tested(0.9)
    runs = write_run(tmp_path / "a", a), write_run(tmp_path / "b", b)
    found = compare_runs(*runs).tables["quantities"]
    for side, run in zip("ab", runs, strict=True):
        whole = background_stats(run.dataset("verdicts").to_table().to_pandas(), None).to_pylist()
        for group, label in (("all", -1), ("label", 0)):
            (own,) = [r for r in whole if (r["group"], r["label"]) == (group, label)]
            wanted = {"group": "all"} if label < 0 else {"group": "class", "label": "ant"}
            (row,) = rows_of(found, metric="background_driven_share", **wanted)
            assert row[f"value_{side}"] == pytest.approx(own["driven_share"])
            assert row[f"low_{side}"] == pytest.approx(own["driven_low"])
            assert row[f"high_{side}"] == pytest.approx(own["driven_high"])
            assert row[f"images_{side}"] == own["mistakes"]
            assert row[f"tested_{side}"] == own["tested_mistakes"]
            (row,) = rows_of(found, metric="accuracy_replaced", **wanted)
            assert row[f"value_{side}"] == pytest.approx(own["accuracy_replaced"])
    (row,) = rows_of(found, metric="background_driven_share", group="class", label="ant")
    below = np.hypot(row["value_b"] - row["low_b"], row["high_a"] - row["value_a"])
    assert row["low"] == pytest.approx(row["difference"] - below)
    assert row["better"] is False


def test_nothing_is_said_of_backgrounds_that_nobody_tested(tmp_path: Path):
    found = difference(tmp_path, answers([0, 1] * 6, 0), answers([0, 1] * 6, 0))
    (row,) = rows_of(found.tables["quantities"], metric="background_driven_share", group="all")
    assert (row["images_a"], row["tested_a"], row["value_a"]) == (6, 0, None)
    assert (row["difference"], row["low"], row["p_value"], row["changed"]) == (
        None, None, None, False
    )  # fmt: skip


def test_localisation_is_at_each_audits_best_threshold(tmp_path: Path):
    hits = [True] * 9 + [False] * 3
    a = [image(f"/data/images/{i}", 0, 0, hit=hit) for i, hit in enumerate(hits)]
    b = [image(f"/data/images/{i}", 0, 0, hit=i < 2) for i in range(12)]
    found = difference(tmp_path, a, b).tables["quantities"]
    for metric in ("localization", "gt_known_localization"):
        (row,) = rows_of(found, metric=metric, group="class")
        assert (row["value_a"], row["value_b"]) == (9 / 12, 2 / 12)
        assert (row["only_a"], row["only_b"]) == (7, 0)
        assert row["p_value"] == pytest.approx(2 / 2**7 - 1 / 2**7)


def test_slices_are_compared_by_tag_and_value(tmp_path: Path):
    def tagged(right: int) -> list[dict[str, Any]]:
        return [image(f"/data/images/{i}", 0, 0 if i >= 12 or i < right else 1,
                      tags=[("camera", "3" if i < 12 else "4")]) for i in range(24)]  # fmt: skip

    found = difference(tmp_path, tagged(12), tagged(4)).tables["quantities"]
    (row,) = rows_of(found, metric="accuracy", group="slice", slice="camera = 3")
    assert (row["images_a"], row["value_a"], row["value_b"]) == (12, 1.0, 4 / 12)
    assert row["changed"] is True


def test_classes_in_another_order_change_nothing(tmp_path: Path):
    a = answers([0] * 8 + [1] * 4, 0) + answers([1] * 6 + [2] * 6, 1)
    order = {0: 2, 1: 0, 2: 1}
    turned = [row | {"label": order[row["label"]], "predicted": order[row["predicted"]]}
              for row in a]  # fmt: skip
    found = difference(tmp_path, a, turned, classes=["bee", "cat", "ant"])
    for row in found.tables["quantities"].to_pylist():
        assert row["value_a"] == row["value_b"]
    assert found.coverage["common"] == 24


def test_runs_that_cannot_be_compared(tmp_path: Path):
    a = write_run(tmp_path / "a", answers([0] * 3, 0))
    with pytest.raises(AuditError, match="given twice"):
        compare_runs(a, RunFolder(tmp_path / "." / "a"))
    with pytest.raises(AuditError, match=r"not the folder of an audit"):
        compare_runs(a, RunFolder(tmp_path / "nothing"))
    other = write_run(tmp_path / "b", answers([0] * 3, 0), classes=["x", "y", "z"])
    with pytest.raises(AuditError, match="no class in common"):
        compare_runs(a, other)
    old = write_run(tmp_path / "c", answers([0] * 3, 0), audit={"schema_version": 3})
    with pytest.raises(AuditError, match=r"another version.*expected schema.*got 3"):
        compare_runs(a, old)
    assert facts_of(a)["schema_version"] != 3
    other.complete_file.unlink()
    with pytest.raises(AuditError, match="has not finished"):
        compare_runs(a, other)
    empty = write_run(tmp_path / "d", [], failures=2)
    with pytest.raises(AuditError, match=r"no image of .* could be audited"):
        compare_runs(a, empty)
