"""Two real audits: the values of each are those of its own merged tables."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.check.check import check_run
from tasks.check.policy import Limit, Policy
from tasks.diff.stage import Difference, compare_runs
from tasks.tables.storage import RunFolder
from tests.tasks.measured_audit import finish, write_manifest
from tests.tasks.tiny_audit import MODEL, configure, table, write_model

IMAGES = 30


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, RunFolder]:
    """One manifest, two models that were initialised apart."""
    folder = tmp_path_factory.mktemp("two")
    manifest = write_manifest(folder, IMAGES)
    runs = []
    for name, seed in (("a", 7), ("b", 11)):
        source = MODEL.replace("manual_seed(7)", f"manual_seed({seed})")
        model = write_model(folder / name / "code", source)
        config = configure(folder / name, manifest, second_pass=6).model_copy(
            update={"model": model}
        )
        write_model(folder / name / "code", source)  # `configure` wrote its own
        runs.append(finish(config))
    return runs[0], runs[1]


@pytest.fixture(scope="module")
def difference(two: tuple[RunFolder, RunFolder]) -> Difference:
    return compare_runs(*two)


def rows(difference: Difference, **wanted: Any) -> pd.DataFrame:
    found = difference.tables["quantities"].to_pandas()
    for name, value in wanted.items():
        found = found[found[name] == value]
    return found


def test_values_are_those_of_each_audit(
    two: tuple[RunFolder, RunFolder], difference: Difference
) -> None:
    assert difference.coverage["common"] == IMAGES
    for side, run in zip("ab", two, strict=True):
        of_class = table(run, "class_stats").set_index("name")
        for metric in ("accuracy", "object_energy"):
            found = rows(difference, metric=metric, group="class").set_index("label")
            known = of_class[metric].dropna()
            assert len(found) == 3
            for name, value in known.items():
                assert found.loc[name, f"value_{side}"] == pytest.approx(value, abs=1e-6)
        places = table(run, "localization_stats")
        for metric, figure in (("localization", "max_box_acc"),
                               ("gt_known_localization", "gt_known")):  # fmt: skip
            (whole,) = rows(difference, metric=metric, group="all")[f"value_{side}"]
            own = places[(places["class_idx"] == -1) & (places["figure"] == figure)]
            assert whole == own["value"].item()


def test_background_shares_are_those_of_each_audit(
    two: tuple[RunFolder, RunFolder], difference: Difference
) -> None:
    names = {"background_driven_share": "driven_share", "accuracy_replaced": "accuracy_replaced",
             "background_leaning_share": "leaning_share"}  # fmt: skip
    for side, run in zip("ab", two, strict=True):
        stats = table(run, "background_stats")
        whole = stats[stats["group"] == "all"].iloc[0]
        assert whole["tested_mistakes"] + whole["tested_correct"] > 0
        for metric, column in names.items():
            (row,) = rows(difference, metric=metric, group="all").to_dict("records")
            assert row[f"value_{side}"] == pytest.approx(whole[column], nan_ok=True)


def test_models_that_were_initialised_apart_have_other_units(difference: Difference) -> None:
    (layer,) = difference.layers
    assert layer.images == IMAGES
    assert layer.related is False
    assert layer.counts.get("changed", 0) == 0


def test_an_audit_differs_from_its_like_in_nothing(
    two: tuple[RunFolder, RunFolder], tmp_path: Path
) -> None:
    """The same model over copies of the images in another folder."""
    folder = two[0].root.parent.parent
    manifest = write_manifest(tmp_path, IMAGES)
    config = configure(tmp_path, manifest, second_pass=6)
    source = (folder / "a" / "code" / "model.py").read_text()
    again = finish(config.model_copy(update={"model": write_model(tmp_path / "code", source)}))
    found = compare_runs(two[0], again)
    assert found.coverage["paired_by"] == {"uri": 0, "relative": IMAGES, "content": 0}
    quantities = found.tables["quantities"].to_pandas()
    assert (quantities["difference"].dropna() == 0).all()
    assert not quantities["changed"].any()
    assert found.tables["map_changes"].to_pandas()["moved"].max() == pytest.approx(0, abs=1e-12)
    assert set(found.tables["unit_changes"]["state"].to_pylist()) <= {"kept", "dead"}
    limit = Limit(metric="accuracy", of="class", against=True, drop_at_most=0.0)
    assert check_run(again, Policy(limit=(limit,)), two[0]).kept
