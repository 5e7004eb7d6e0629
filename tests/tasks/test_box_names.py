"""Names of boxes and masks, from manifests and COCO json, and the objects that they name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tasks.errors import AuditError
from tasks.images.decoding import ImageSource, UnreadableImage
from tasks.images.geometry import place
from tasks.images.named_objects import has_names, named_objects
from tasks.index.manifest import build_manifest
from tests.tasks.tiny_audit import draw

CLASSES = ["ant", "bee"]
SQUARE = [4, 3, 12, 3, 12, 9, 4, 9]  # x 4 to 12, y 3 to 9


def rows(file: Path, annotations: str | None = None) -> list[dict[str, Any]]:
    table, _ = build_manifest(str(file), CLASSES, None, annotations)
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def csv(folder: Path, header: str, *lines: str) -> Path:
    for name in "abc":
        draw(folder / f"{name}.png", size=(20, 18))
    (folder / "m.csv").write_text("\n".join([header, *lines]) + "\n")
    return folder / "m.csv"


def test_names_stand_beside_boxes(tmp_path: Path) -> None:
    file = csv(
        tmp_path,
        "uri,boxes,box_names,mask_name",
        'a.png,"[[1,2,3,4],[5,6,7,8]]","["" red disc "",null]",',
        'b.png,"[[1,2,3,4]]",,leaf',
        "c.png,,,",
    )
    found = rows(file)
    assert [row["box_names"] for row in found] == [["red disc", None], None, None]
    assert [row["mask_name"] for row in found] == [None, "leaf", None]
    assert [len(row["boxes"] or []) for row in found] == [2, 1, 0]
    assert all(row["tags"] == [] for row in found)  # names are no tags
    lists = pa.array([row["boxes"] for row in found], pa.list_(pa.list_(pa.float32())))
    names = pa.array([row["box_names"] for row in found], pa.list_(pa.string()))
    uris = [row["uri"] for row in found]
    pq.write_table(
        pa.table({"uri": uris, "boxes": lists, "box_names": names}), tmp_path / "m.parquet"
    )
    again = rows(tmp_path / "m.parquet")
    assert [row["box_names"] for row in again] == [row["box_names"] for row in found]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('a.png,"[[1,2,3,4]]","[""a"",""b""]"', "row 0: 2 box_names for 1 boxes"),
        ('a.png,,"[""a""]"', "row 0: 1 box_names for 0 boxes"),
        ('a.png,"[[1,2,3,4]]",disc', "line 2: box_names 'disc' cannot be read"),
        ('a.png,"[[1,2,3,4]]","""disc"""', "line 2: box_names"),
        ('a.png,"[[1,2,3,4]]","[""\\ud83d""]"', "line 2: box_names"),
        ('a.png,"[[1,2,3,4]]",[3]', r"row 0: box_names \[3\] cannot be read"),
    ],
)
def test_names_that_do_not_fit(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(AuditError, match=words):
        rows(csv(tmp_path, "uri,boxes,box_names", line))


def test_a_column_of_texts_in_parquet_is_no_list_of_names(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    table = pa.table({"uri": ["a.png"], "boxes": [[[1.0, 2.0, 3.0, 4.0]]], "box_names": ["disc"]})
    pq.write_table(table, tmp_path / "m.parquet")
    with pytest.raises(AuditError, match="box_names 'disc' cannot be read"):
        rows(tmp_path / "m.parquet")


def coco(folder: Path, annotations: list[dict[str, Any]], categories: Any) -> str:
    content = {
        "images": [{"id": 1, "file_name": "a.png", "height": 18, "width": 20}],
        "annotations": [{"image_id": 1, **each} for each in annotations],
        "categories": categories,
    }
    (folder / "coco.json").write_text(json.dumps(content))
    return str(folder / "coco.json")


def test_categories_name_boxes(tmp_path: Path) -> None:
    file = csv(
        tmp_path, "uri,boxes,box_names",
        'a.png,"[[0,0,9,9]]","[""old""]"', 'b.png,"[[0,0,9,9]]","[""kept""]"',
    )  # fmt: skip
    annotations = [
        {"bbox": [1, 2, 3, 4], "category_id": 7},
        {"category_id": 7},  # no box, so no name
        {"bbox": [0, 0, 2, 2], "category_id": 8},
        {"bbox": [0, 0, 1, 1]},
    ]
    first, second = rows(file, coco(tmp_path, annotations, [{"id": 7, "name": "dog"}]))
    assert first["boxes"] == [[1, 2, 4, 6], [0, 0, 2, 2], [0, 0, 1, 1]]
    assert first["box_names"] == ["dog", None, None]
    assert (second["boxes"], second["box_names"]) == ([[0, 0, 9, 9]], ["kept"])
    unnamed, _ = rows(file, coco(tmp_path, annotations, ["no category", {"id": 7}]))
    assert len(unnamed["boxes"]) == 3 and unnamed["box_names"] is None


def objects(row: dict[str, Any], width: int = 20, height: int = 18) -> dict[str, Any]:
    placement = place(width, height, height, height)
    assert (placement.left, placement.top) == (1, 0)
    found = named_objects(row, placement, CLASSES, ImageSource())
    assert [each.name for each in found] == sorted(each.name for each in found)
    return {each.name: each for each in found}


def test_boxes_of_one_name_are_one_object_and_masks_come_before_boxes(tmp_path: Path) -> None:
    pixels = np.zeros((18, 20), np.uint8)
    pixels[2:5, 6:9] = 255
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    file = csv(
        tmp_path, "uri,label,boxes,box_names,mask_uri",
        'a.png,1,"[[1,0,4,3],[10,10,12,12],[0,0,1,18],[0,0,9,9]]",'
        '"[""disc"",""disc"",""bar"",""bee""]",mask.png',
    )  # fmt: skip
    (row,) = rows(file)
    found = objects(row)
    disc = np.zeros((18, 18), dtype=bool)  # the view begins at x = 1
    disc[0:3, 0:3] = disc[10:12, 9:11] = True
    assert np.array_equal(found["disc"].inside, disc) and found["disc"].source == "box"
    assert not found["bar"].inside.any()  # outside of the view
    assert np.array_equal(found["bee"].inside, pixels[:, 1:19] > 0)
    assert found["bee"].source == "mask" and set(found) == {"disc", "bar", "bee"}
    assert set(objects({**row, "mask_name": "head"})) == {"disc", "bar", "bee", "head"}
    assert not has_names({**row, "box_names": None, "label": -1}, CLASSES)
    assert has_names({**row, "box_names": None}, CLASSES)


def test_masks_of_coco_are_named_by_their_categories(tmp_path: Path) -> None:
    annotations = [
        {"segmentation": [SQUARE], "category_id": 1},
        {"segmentation": [[13, 0, 15, 0, 15, 2, 13, 2]], "category_id": 2},
        {"segmentation": [[0, 0, 3, 0, 3, 3]], "category_id": 9},
    ]
    file = csv(tmp_path, "uri,label", "a.png,0")
    categories = [{"id": 1, "name": "dog"}, {"id": 2, "name": "cup"}]
    (row,) = rows(file, coco(tmp_path, annotations, categories))
    found = objects(row)
    dog, cup = np.zeros((18, 18), dtype=bool), np.zeros((18, 18), dtype=bool)
    dog[3:9, 3:11] = True
    cup[0:2, 12:14] = True
    assert set(found) == {"dog", "cup"}
    assert np.array_equal(found["dog"].inside, dog) and np.array_equal(found["cup"].inside, cup)
    (row,) = rows(file, coco(tmp_path, annotations[:1], []))  # none named: the label's class
    assert set(objects(row)) == {"ant"} and np.array_equal(objects(row)["ant"].inside, dog)


def test_a_mask_of_another_image(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((9, 30), np.uint8)).save(tmp_path / "mask.png")
    (row,) = rows(csv(tmp_path, "uri,label,mask_uri", "a.png,0,mask.png"))
    with pytest.raises(UnreadableImage, match="the mask has 30 x 9 pixels, the image 20 x 18"):
        objects(row)
