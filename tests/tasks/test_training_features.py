"""Stored features: their values, and that they are computed once."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from tasks.errors import AuditError
from tasks.images.decoding import decode_image
from tasks.images.preprocessing import Preprocessing
from tasks.model.loading import load_model
from tasks.training import features as module
from tasks.training.plan import TrainPlan, plan_training
from tasks.training.stage import read_features, train
from tests.tasks.training_sets import BASE, Silent, configure, draw_folders


@pytest.fixture
def plan(tmp_path: Path) -> TrainPlan:
    images = draw_folders(tmp_path / "images", per_class=4)
    return plan_training(configure(tmp_path, images, way="features", epochs=3), "cpu")


def pooled_in_float64(plan: TrainPlan) -> np.ndarray:
    """What the base's last linear layer is given, layer by layer."""
    net = load_model(plan.config.model, None).module.double()
    view = Preprocessing(24, 24, (0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    found = []
    for uri in plan.examples.uris:
        pixels, _ = view.cut(decode_image(Path(uri).read_bytes()))
        inputs = (pixels.double() / 255 - torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1)) / 0.2
        with torch.no_grad():
            found.append(net.body(net.stem(inputs[None])).mean((2, 3))[0].numpy())
    return np.stack(found)


def test_features_are_the_pooled_activations(plan: TrainPlan) -> None:
    _, found, unreadable = read_features(plan, Silent())
    assert (found.values.dtype, unreadable) == (np.float16, [])
    assert found.rows.tolist() == list(range(12))
    assert found.values.astype(float) == pytest.approx(pooled_in_float64(plan), abs=1e-3)


def test_the_table_says_which_image_each_row_is(plan: TrainPlan) -> None:
    read_features(plan, Silent())
    rows = pq.read_table(plan.folder.features).to_pylist()
    assert [row["uri"] for row in rows] == plan.examples.uris
    assert [row["label"] for row in rows] == plan.examples.labels.tolist()
    splits = np.where(plan.examples.in_validation, "validation", "train")
    assert [row["split"] for row in rows] == splits.tolist()
    expected = pooled_in_float64(plan)
    assert np.array([row["feature"] for row in rows], float) == pytest.approx(expected, abs=1e-3)


def test_only_missing_parts_are_computed(plan: TrainPlan, monkeypatch) -> None:
    monkeypatch.setattr(module, "_PART", 5)
    counted: list[int] = []
    call = module.Extractor.__call__
    monkeypatch.setattr(
        module.Extractor, "__call__", lambda s, v: (counted.append(len(v)), call(s, v))[1]
    )
    _, first, _ = read_features(plan, Silent())
    parts = sorted(plan.folder.features.glob("*.parquet"))
    assert (len(parts), sum(counted)) == (3, 12)
    counted.clear()
    _, again, _ = read_features(plan, Silent())
    assert counted == [] and np.array_equal(first.values, again.values)
    parts[1].write_bytes(parts[1].read_bytes()[:100])
    _, mended, _ = read_features(plan, Silent())
    assert sum(counted) == 5 and np.array_equal(first.values, mended.values)
    assert np.array_equal(first.rows, mended.rows)


def test_features_of_another_base_are_computed_anew(plan: TrainPlan, tmp_path: Path) -> None:
    read_features(plan, Silent())
    (tmp_path / "code" / "net.py").write_text(BASE.replace("manual_seed(7)", "manual_seed(8)"))
    other = plan_training(plan.config, "cpu")
    _, found, _ = read_features(other, Silent())
    assert found.values.astype(float) == pytest.approx(pooled_in_float64(other), abs=1e-3)


def test_unreadable_images_are_left_out_and_told_each_time(plan: TrainPlan) -> None:
    row = int(plan.examples.of(validation=False)[1])
    Path(plan.examples.uris[row]).write_bytes(b"no picture")
    plan = plan_training(plan.config, "cpu")
    plan.folder.start(plan.identity())
    for _ in range(2):  # computed, and read again
        _, found, unreadable = read_features(plan, Silent())
        assert found.rows.tolist() == [r for r in range(12) if r != row]
        assert [(each.row, each.uri) for each in unreadable] == [(row, plan.examples.uris[row])]
    facts = train(plan, Silent())
    assert facts["results"]["images"]["left_out"] == {"unreadable": 1}
    assert facts["results"]["unreadable"][0]["uri"] == plan.examples.uris[row]


def test_a_class_of_unreadable_images(plan: TrainPlan) -> None:
    for uri, label in zip(plan.examples.uris, plan.examples.labels, strict=True):
        if label == 1:
            Path(uri).write_bytes(b"")
    with pytest.raises(AuditError, match=r"'bee': 0 for training.*\n(.*\n)*.*4 unreadable"):
        train(plan_training(plan.config, "cpu"), Silent())


def test_features_that_float16_cannot_hold(tmp_path: Path) -> None:
    source = BASE.replace("mean(dim=(2, 3)))", "mean(dim=(2, 3)) * 1e9)")
    images = draw_folders(tmp_path / "images", per_class=2)
    config = configure(tmp_path, images, way="features")
    (tmp_path / "code" / "net.py").write_text(source)
    with pytest.raises(AuditError, match=r"not finite in float16.*--way finetune"):
        train(plan_training(config, "cpu"), Silent())
