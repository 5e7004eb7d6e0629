"""An audit whose units are mined at further layers, too, against the model itself."""

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from tasks.explain.shard_files import grid_schemas
from tasks.images.decoding import decode_image
from tasks.images.geometry import place
from tasks.index.plan import plan_audit
from tasks.model.loading import load_model
from tests.tasks.tiny_audit import auditor_of, configure, draw_folders, run_audit, table

LAYERS = ("trunk.0", "trunk.3")


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layers")
    pics = draw_folders(folder / "pics", 4)
    config = configure(folder, pics, unit_layers=", ".join(LAYERS), shard_size=5)
    return run_audit(config), config


@pytest.fixture(scope="module")
def grids(audited):
    """By layer the model's own activations of every image, (images, channels, rows, cols)."""
    run, config = audited
    auditor, module = auditor_of(plan_audit(config)), load_model(config.model, None).module.eval()
    kept = {}
    for name in ("trunk", *LAYERS):
        module.get_submodule(name).register_forward_hook(
            lambda _m, _i, output, name=name: kept.setdefault(name, []).append(output.clone())
        )
    for row in pq.read_table(run.root / "tables" / "manifest").to_pylist():
        with open(row["uri"], "rb") as file:
            pixels, _ = auditor.preprocessing.cut(decode_image(file.read()))
        with torch.no_grad():
            module(auditor.preprocessing.normalise(pixels[None]))
    return {name: torch.cat(outputs).numpy() for name, outputs in kept.items()}


def test_units_of_every_layer(audited, grids):
    units = table(audited[0], "units")
    target = audited[0].audit()["model"]["target_layer"]
    assert set(units["target_layer"]) == {target, *LAYERS}
    for name in LAYERS:
        grid = grids[name]
        of_layer = units[(units["target_layer"] == name) & (units["class_idx"] == -1)]
        assert len(of_layer) == 3 * grid.shape[1]
        at = grid[of_layer["image_id"], of_layer["unit"], of_layer["row"], of_layer["col"]]
        np.testing.assert_allclose(of_layer["activation"], at, rtol=1e-4, atol=1e-5)
        strongest = np.sort(grid.max(axis=(2, 3)), axis=0)[::-1][:3]
        listed = of_layer.sort_values(["rank", "unit"])["activation"].to_numpy()
        np.testing.assert_allclose(listed.reshape(3, -1), strongest, rtol=1e-4, atol=1e-5)


def test_boxes_of_the_first_convolution(audited):
    units = table(audited[0], "units")
    first = units[units["target_layer"] == "trunk.0"]
    placement = place(40, 36, 32, 32)
    for row in first.itertuples():  # 3 x 3, stride 2, padding 1
        top, left = 2 * row.row - 1, 2 * row.col - 1
        box = placement.to_image(np.array([[top, left, top + 3, left + 3]]))[0]
        assert [row.rf_top, row.rf_left, row.rf_bottom, row.rf_right] == box.tolist()


def test_layers_and_classes(audited, grids):
    run = audited[0]
    layers = table(run, "layer_stats").set_index("target_layer")
    for name in LAYERS:
        silent = grids[name].max(axis=(2, 3)) <= 0
        assert layers.loc[name, "dead_units"] == silent.all(axis=0).sum()
        assert layers.loc[name, "sparsity"] == pytest.approx(silent.mean())
    classes = table(run, "unit_classes")
    labels = table(run, "manifest")["label"].to_numpy()
    module = load_model(run.audit()["config"]["model"], None).module
    weights = module.fc.weight.detach().numpy()
    target = run.audit()["model"]["target_layer"]
    own = classes[classes["target_layer"] == target]
    pooled = grids["trunk"].mean(axis=(2, 3))
    for row in own.itertuples():  # w_k^c x mean activation, section 2 of arXiv:1512.04150
        mean = pooled[labels == row.class_idx, row.unit].mean()
        given = weights[row.class_idx, row.unit] * mean
        assert row.contribution == pytest.approx(given, rel=2e-3, abs=1e-4)
    assert classes.loc[classes["target_layer"].isin(LAYERS), "contribution"].isna().all()


def test_cells_of_a_large_grid_fit():
    model = {"channels": 2, "rows": 7, "cols": 7}
    for side, kind in ((256, "uint16"), (257, "uint32")):
        layers = [{"channels": 2, "rows": 7, "cols": 7}, {"channels": 3, "rows": side, "cols": 256}]
        schema = grid_schemas({**model, "unit_layers": layers})["peaks"]
        assert str(schema.field("cell").type.value_type) == kind
        assert schema.field("activation").type.list_size == 5
