"""What may go wrong while a tiny audit is measured, and what must not matter."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from tasks.errors import AuditError
from tasks.explain.audited_model import AuditedModel
from tasks.faithfulness.plan import Options, plan_faithfulness
from tasks.faithfulness.stage import measure_faithfulness
from tasks.tables import schemas
from tests.tasks.measured_audit import facts, finished_audit, measure
from tests.tasks.tiny_audit import table


def test_the_files_have_their_schemas(tmp_path: Path) -> None:
    run = finished_audit(tmp_path, 3)
    measure(run, Options(methods=("gradcam",), measures=("average_drop",)))  # without curves
    names = ("faithfulness", "faithfulness_curves", "faithfulness_summary")
    wanted = (schemas.FAITHFULNESS, schemas.FAITHFULNESS_CURVES, schemas.FAITHFULNESS_SUMMARY)
    for name, schema in zip(names, wanted, strict=True):
        assert run.dataset(name).schema.equals(schema, check_metadata=True)


def test_the_seed_is_all_that_matters(tmp_path: Path) -> None:
    run = finished_audit(tmp_path, 7)
    options = Options(("gradcam",), ("deletion_mean", "average_gain"), images=4, steps=3)
    found = []
    for seed in (1, 1, 2):
        measure(run, replace(options, seed=seed))
        found.append(table(run, "faithfulness"))
    pd.testing.assert_frame_equal(found[0], found[1], check_exact=True)
    assert not found[0].equals(found[2])


def test_the_batch_does_not_matter(tmp_path: Path) -> None:
    measures = ("deletion_mean", "average_drop", "object_energy")
    options = Options(methods=("gradcam++",), measures=measures, steps=3)
    by_size = []
    for size in (1, 4, 32):
        run = finished_audit(tmp_path, 6, batch_size=size, out=str(tmp_path / f"run{size}"))
        measure(run, options)
        by_size.append(table(run, "faithfulness"))
    for other in by_size[1:]:
        pd.testing.assert_frame_equal(by_size[0], other, rtol=0, atol=1e-5)


def test_a_map_that_is_not_finite_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, explain = finished_audit(tmp_path, 4), AuditedModel.explain

    def with_nan(self: AuditedModel, images: Any, methods: Any) -> Any:
        explained = explain(self, images, methods)
        explained.maps["gradcam"][1, 0, 0] = torch.nan
        return explained

    monkeypatch.setattr(AuditedModel, "explain", with_nan)
    measure(run, Options(methods=("gradcam", "layercam"), steps=2))
    rows, summary = table(run, "faithfulness"), table(run, "faithfulness_summary")
    broken = rows[(rows["image_id"] == 1) & (rows["method"] == "gradcam")]
    assert len(broken) == 10 and broken["value"].isna().all()
    missing = summary.set_index(["method", "measure"])["missing"]
    assert missing["gradcam", "road"] == 1 and missing["layercam", "road"] == 0


def test_an_image_that_is_gone_is_counted_and_left_out(tmp_path: Path) -> None:
    run = finished_audit(tmp_path, 5)
    (tmp_path / "2.png").unlink()
    done: list[int] = []
    plan = plan_faithfulness(run, Options(methods=("gradcam",), measures=("average_drop",)))
    measured = measure_faithfulness(plan, AuditedModel(plan.facts, "cpu"), done.append)
    assert sum(done) == 5 * 4  # the bar reaches its end
    assert measured.images == 4 and [f.image_id for f in measured.failures] == [2]
    assert sorted(set(table(run, "faithfulness")["image_id"])) == [0, 1, 3, 4]
    assert facts(run)["drawn"] == 5 and facts(run)["images"] == 4
    for file in tmp_path.glob("*.png"):
        file.unlink()
    with pytest.raises(AuditError, match="none of the 5 images"):
        measure(run)
    assert facts(run)["images"] == 4  # the earlier measurement stays


def test_a_model_that_changed_is_refused(tmp_path: Path) -> None:
    run = finished_audit(tmp_path, 3)
    file = tmp_path / "code" / "model.py"
    file.write_text(file.read_text().replace("manual_seed(7)", "manual_seed(8)"))
    with pytest.raises(AuditError, match="no longer the model that was audited"):
        measure(run)
    assert not run.added_file("faithfulness").exists()


def test_a_method_that_cannot_explain_the_model(tmp_path: Path) -> None:
    run = finished_audit(tmp_path, 3, target_layer="trunk.0")
    with pytest.raises(AuditError, match="'cam' cannot explain this model"):
        measure(run, Options(methods=("cam",)))
    assert "cam" not in plan_faithfulness(run, Options()).methods
