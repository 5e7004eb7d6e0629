"""Boxes and masks from COCO json, found by file name."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tasks.errors import AuditError
from tasks.index.annotations import add_annotations
from tasks.index.manifest import build_manifest
from tests.tasks.tiny_audit import draw

SQUARE = [4, 3, 12, 3, 12, 9, 4, 9]  # x 4 to 12, y 3 to 9


def write(folder: Path, content: object) -> str:
    file = folder / f"coco-{len(list(folder.iterdir()))}.json"
    file.write_text(json.dumps(content))
    return str(file)


def coco(folder: Path, *annotations: dict, name: str = "a.png", **image: object) -> str:
    images = [{"id": 1, "file_name": name, "height": 18, "width": 20, **image}]
    return write(folder, {"images": images, "annotations": list(annotations)})


def rows(*uris: str) -> pd.DataFrame:
    n = len(uris)
    empty = {name: [None] * n for name in ("boxes", "box_names", "mask_uri")}
    return pd.DataFrame({"uri": uris, **empty, "content_key": ["k"] * n}).astype(object)


def test_boxes_turn_from_width_and_height_to_edges(tmp_path):
    boxes = ({"image_id": 1, "bbox": [1, 2, 10, 20]}, {"image_id": 1, "bbox": [0, 0, 5.5, 1]})
    found = add_annotations(rows("/x/a.png", "/x/b.png"), coco(tmp_path, *boxes), "/x")
    assert found["boxes"].tolist() == [[[1, 2, 11, 22], [0, 0, 5.5, 1]], None]
    assert found["mask_uri"].tolist() == [None, None]


def test_the_longest_name_wins(tmp_path):
    names = ["1.png", "cat/1.png"]
    images = [{"id": i, "file_name": n, "height": 1, "width": 1} for i, n in enumerate(names)]
    boxes = [{"image_id": i, "bbox": [i, 0, 1, 1]} for i in range(2)]
    file = write(tmp_path, {"images": images, "annotations": boxes})
    found = add_annotations(rows("/x/cat/1.png", "/x/1.png"), file, "/x")
    assert found["boxes"].tolist() == [[[1, 0, 2, 1]], [[0, 0, 1, 1]]]


def test_a_bare_name_that_fits_two_images_fits_neither(tmp_path):
    file = coco(tmp_path, {"image_id": 1, "bbox": [0, 0, 1, 1]}, name="1.png")
    with pytest.raises(AuditError):
        add_annotations(rows("/x/cat/1.png", "/x/dog/1.png"), file, "/x")


def test_an_image_that_stands_twice_in_the_manifest_is_found_twice(tmp_path):
    file = coco(tmp_path, {"image_id": 1, "bbox": [0, 0, 1, 1]})
    found = add_annotations(rows("/x/a.png", "/x/a.png"), file, "/x")
    assert found["boxes"].tolist() == [[[0, 0, 1, 1]]] * 2


def test_boxes_of_the_manifest_stay_where_the_file_names_no_image(tmp_path):
    table = rows("/x/a.png", "/x/b.png")
    table["boxes"] = [None, [[1, 2, 3, 4]]]
    found = add_annotations(table, coco(tmp_path, {"image_id": 1, "bbox": [0, 0, 1, 1]}), "/x")
    assert found["boxes"].tolist() == [[[0, 0, 1, 1]], [[1, 2, 3, 4]]]


@pytest.mark.parametrize(
    "content",
    [
        [1], None, {"images": []}, {"images": [{"id": 1}], "annotations": []},
        {"images": [{"id": 1, "file_name": "other.png"}], "annotations": []},
        {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"bbox": [1, 2, 3, 4]}]},
        {"images": [{"id": 1, "file_name": "a.png"}],
         "annotations": [{"image_id": 1, "bbox": [1, 2, 3]}]},
        {"images": [{"id": 1, "file_name": "a.png"}],
         "annotations": [{"image_id": 1, "bbox": ["a", "2", "3", "4"]}]},
        {"images": [{"id": 1, "file_name": "a.png"}],
         "annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4], "category_id": 1}],
         "categories": [{"id": 1, "name": "half a character: \ud83d"}]},
    ],
)  # fmt: skip
def test_what_is_no_coco_json_is_one_error_with_the_files_name(tmp_path, content):
    file = write(tmp_path, content)
    with pytest.raises(AuditError, match="coco-"):
        add_annotations(rows("/x/a.png"), file, "/x")


def test_masks_for_some_of_the_images(tmp_path):
    for name in "ab":
        draw(tmp_path / "pics" / f"{name}.png")
    file = coco(tmp_path, {"image_id": 1, "segmentation": [SQUARE]})
    table, _ = build_manifest(str(tmp_path / "pics"), ["x", "y"], None, file)
    assert table["mask_uri"].to_pylist() == [f"{file}#1", None]
