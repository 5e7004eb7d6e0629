"""What the plan of the second pass knows of images, against the tables row by row."""

import numpy as np
import pytest

from tasks.interventions.object_proxy import coarse_proxy
from tasks.second_pass.image_rows import label_map, object_cells, read_image_rows
from tasks.tables.storage import RunFolder
from tests.tasks.planted_scenes import GREEN_SHORTCUT, scene_audit, shortcut_scenes
from tests.tasks.tiny_audit import configure, draw_folders, run_audit, table


@pytest.fixture(scope="module", params=["masks", "no masks"])
def run(request, tmp_path_factory) -> RunFolder:
    folder = tmp_path_factory.mktemp("image_rows")
    if request.param == "masks":
        scenes = shortcut_scenes(4, 2)
        return run_audit(scene_audit(folder, scenes, GREEN_SHORTCUT, second_pass=0))
    return run_audit(configure(folder, draw_folders(folder / "pictures", 4), second_pass=0))


def test_rows_are_those_of_the_tables(run: RunFolder) -> None:
    chosen = [7, 2, 5, 2]
    rows = read_image_rows(run, chosen).to_pylist()
    assert [row["image_id"] for row in rows] == [2, 5, 7]
    manifest = table(run, "manifest").set_index("image_id")
    maps = table(run, "heatmaps").query("role == 'label' and state == 'ok'").set_index("image_id")
    for row in rows:
        assert row["uri"] == manifest.loc[row["image_id"], "uri"]
        assert row["label"] == manifest.loc[row["image_id"], "label"]
        found = label_map(row)
        if row["image_id"] in maps.index:
            stored = maps.loc[row["image_id"]]
            assert found is not None and found.shape == (stored["rows"], stored["cols"])
            assert found.reshape(-1).tolist() == stored["heatmap"].astype(float).tolist()
        else:
            assert found is None


def test_cells_are_the_mask_s_else_the_proxy_s(run: RunFolder) -> None:
    image_rows = read_image_rows(run, table(run, "manifest")["image_id"].tolist())
    cells = object_cells(run, image_rows)
    stored = table(run, "cells").set_index("image_id")["coverage"]
    told = 0
    for row in image_rows.to_pylist():
        given, of_label = stored[row["image_id"]], label_map(row)
        if given is not None:
            expected = np.asarray(given, float)
        elif of_label is None or (proxy := coarse_proxy(of_label)) is None:
            expected = np.zeros(len(cells[row["image_id"]]))
        else:
            expected = proxy.reshape(-1).astype(float)
        assert cells[row["image_id"]].tolist() == expected.tolist()
        told += expected.any()
    assert told


def test_no_image_is_no_row(run: RunFolder) -> None:
    assert len(read_image_rows(run, [])) == 0
    assert object_cells(run, read_image_rows(run, [])) == {}
