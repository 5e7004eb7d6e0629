"""Masks from COCO json, against rasters drawn by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from tasks.images.coco_masks import read_coco_mask
from tasks.images.inputs import InputReader
from tasks.images.preprocessing import Preprocessing
from tests.tasks.tiny_audit import draw

SQUARE = [4, 3, 12, 3, 12, 9, 4, 9]  # x 4 to 12, y 3 to 9


def write(folder: Path, content: object) -> str:
    file = folder / f"coco-{len(list(folder.iterdir()))}.json"
    file.write_text(json.dumps(content))
    return str(file)


def coco(folder: Path, *annotations: dict, name: str = "a.png", **image: object) -> str:
    images = [{"id": 1, "file_name": name, "height": 18, "width": 20, **image}]
    return write(folder, {"images": images, "annotations": list(annotations)})


def by_hand() -> np.ndarray:
    mask = np.zeros((18, 20), dtype=bool)
    mask[3:9, 4:12] = True
    return mask


def test_run_lengths_go_down_the_columns(tmp_path):
    expected, counts, value, run = by_hand(), [], False, 0
    for x in range(20):
        for y in range(18):
            if expected[y, x] != value:
                counts.append(run)
                value, run = not value, 0
            run += 1
    counts.append(run)
    file = coco(tmp_path, {"image_id": 1, "segmentation": {"counts": counts, "size": [18, 20]}})
    assert np.array_equal(read_coco_mask(f"{file}#1"), expected)


def test_a_polygon_covers_the_pixels_whose_centres_it_holds(tmp_path):
    file = coco(tmp_path, {"image_id": 1, "segmentation": [SQUARE]})
    assert np.array_equal(read_coco_mask(f"{file}#1"), by_hand())


def test_a_polygon_is_right_to_its_border(tmp_path):
    file = coco(tmp_path, {"image_id": 1, "segmentation": [SQUARE]})
    mask = read_coco_mask(f"{file}#1")
    assert mask[by_hand()].all()
    around = np.zeros((18, 20), dtype=bool)
    around[2:10, 3:13] = True
    assert not mask[~around].any()


def test_polygons_that_overlap_are_united(tmp_path):
    file = coco(tmp_path, {"image_id": 1, "segmentation": [SQUARE, [6, 3, 14, 3, 14, 9, 6, 9]]})
    assert read_coco_mask(f"{file}#1")[4:8, 5:13].all()


def test_the_masks_of_an_image_are_united(tmp_path):
    other = {"image_id": 1, "segmentation": [[15, 12, 18, 12, 18, 15, 15, 15]]}
    file = coco(tmp_path, {"image_id": 1, "segmentation": [SQUARE]}, other)
    mask = read_coco_mask(f"{file}#1")
    assert mask[5, 6] and mask[13, 16] and not mask[5, 16] and not mask[13, 6]


def failure_of(tmp_path: Path, file: str) -> str:
    reader = InputReader(Preprocessing(32, 32, (0.5,) * 3, (0.5,) * 3), 3)
    picture = str(draw(tmp_path / "a.png", size=(20, 18)))
    row = {"image_id": 0, "uri": picture, "label": 0, "mask_uri": f"{file}#1", "boxes": None}
    result = reader.read(row)
    assert result.image is not None, "a bad mask must not cost the image"
    assert result.failure is not None and result.failure.stage == "mask"
    return result.failure.error


@pytest.mark.parametrize(
    "segmentation",
    [
        [[1, 2, 3]], [1, 2, 3, 4, 5, 6], {"counts": "PYd1"}, {"counts": [5, 5]},
        {"counts": [-1, 361]}, {"counts": [0, 0.5]},
        [[]], [[1, 2, "x", 4, 5, 6]], [[1, 2, None, 4, 5, 6]], {"counts": [0, 10**13]},
    ],
)  # fmt: skip
def test_a_bad_segment_is_one_failure(tmp_path, segmentation):
    file = coco(tmp_path, {"image_id": 1, "segmentation": segmentation})
    assert file in failure_of(tmp_path, file)


@pytest.mark.parametrize(
    ("height", "width"),
    [(-1, 20), (17, 40), ("18", "20"), (0, 0), (10**7, 10**7), (None, 20)],
)
def test_a_bad_size_is_one_failure(tmp_path, height, width):
    shape = {"image_id": 1, "segmentation": [SQUARE]}
    file = coco(tmp_path, shape, height=height, width=width)
    assert file in failure_of(tmp_path, file)


def test_an_annotation_of_no_image_does_not_cost_the_other_masks(tmp_path):
    shapes = [{"image_id": i, "segmentation": [SQUARE]} for i in (1, 99)]
    assert read_coco_mask(f"{coco(tmp_path, *shapes)}#1")[4:8, 5:11].all()


def test_a_file_that_changes_is_read_again(tmp_path):
    file = coco(tmp_path, {"image_id": 1, "segmentation": [SQUARE]})
    assert read_coco_mask(f"{file}#1")[5, 6]
    content = json.loads(Path(file).read_text())
    content["annotations"][0]["segmentation"] = [[15, 12, 18, 12, 18, 15, 15, 15]]
    Path(file).write_text(json.dumps(content, indent=1))
    assert not read_coco_mask(f"{file}#1")[5, 6]
