"""What networks with new heads are trained and measured on: photographs and rendered scenes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.sample.training import MEAN, STD
from tasks.scenes import (
    BACKGROUND_NAMES,
    OBJECT_NAMES,
    ObjectLayer,
    compose,
    render_background,
    render_object,
)

PHOTOGRAPHS = Path(__file__).resolve().parents[3] / "shared" / "data" / "imagenette_val"
WEIGHTS = PHOTOGRAPHS.parent / "weights"
SCENE_SIDE = 128
# Of an object with its clutter: what is trained on holds larger ones, too, as photographs do.
LAYER_SIDE, LARGEST_LAYER = 76, 128
# Numbers of the first scenes of a seed, and of the first that no training sees; multiples of the
# classes.
PER_SEED, FIRST_HELD_OUT = 60_000, 6_000_000


@dataclass(frozen=True)
class Data:
    """Manifests of what trains and of what no training sees, with boxes.

    preprocessing : keys of `Preprocessing`; empty: what the model's source states
    """

    training: Path
    held_out: Path
    classes: Path
    preprocessing: dict[str, Any]


def scenes(folder: Path, training: int, held_out: int, seed: int) -> Data:
    """Rendered scenes, every object on every background alike; no two seeds share one.

    Those to train on have objects of all sizes from LAYER_SIDE to LARGEST_LAYER, those that
    measure the smallest ones, which leave room to stand away from the centre.
    """
    folder.mkdir(parents=True, exist_ok=True)
    first, measures = seed * PER_SEED, FIRST_HELD_OUT + seed * PER_SEED
    classes = _write_classes(folder, list(OBJECT_NAMES))
    return Data(
        _write(
            folder / "training.csv",
            [_render(folder, first + i, LARGEST_LAYER) for i in range(training)],
        ),
        _write(
            folder / "held_out.csv",
            [_render(folder, measures + i, LAYER_SIDE) for i in range(held_out)],
        ),
        classes,
        {"resize": SCENE_SIDE, "crop": SCENE_SIDE, "mean": MEAN, "std": STD},
    )


def _render(folder: Path, seed: int, largest: int) -> dict[str, Any]:
    """Write the scene of a seed, with a layer of at most `largest` pixels; its manifest row."""
    label = seed % len(OBJECT_NAMES)
    background = BACKGROUND_NAMES[seed // len(OBJECT_NAMES) % len(BACKGROUND_NAMES)]
    image, mask = _compose(OBJECT_NAMES[label], background, seed, largest)
    file = folder / f"{seed}.png"
    if not file.exists():  # a training that goes on wants the very files
        cv2.imwrite(str(file), image[:, :, ::-1])
    rows, cols = np.nonzero(mask)
    edges = (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1)
    return {"uri": file.name, "label": label, "boxes": [[int(edge) for edge in edges]]}


def _compose(
    name: str, background: str, seed: int, largest: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Image and mask of an object that stands anywhere: the sample's fill the middle, where a
    centre that has seen nothing is hard to beat."""
    draw = np.random.default_rng(seed)
    side = int(draw.integers(LAYER_SIDE, largest + 1))
    layer = render_object(name, seed, side)
    free = SCENE_SIDE - side
    top, left = draw.integers(free + 1, size=2)
    place = ((top, free - top), (left, free - left))

    def put(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.pad(values, [*place, (0, 0)][: values.ndim])

    laid = ObjectLayer(*(put(each) for each in (layer.color, layer.coverage, layer.shadow)),
                       mask=put(layer.mask))  # fmt: skip
    return compose(laid, render_background(background, seed, SCENE_SIDE)), laid.mask


def photographs(folder: Path, fold: int, crop: int) -> Data:
    """Half of the photographs of each class train, the other half is held out.

    fold : 0 or 1, which half is held out
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.read_csv(PHOTOGRAPHS / "labels.csv").sort_values(["imagenet_index", "path"])
    boxes = _photograph_boxes()
    indices = imagenet_indices()
    rows = [
        {
            "uri": str(PHOTOGRAPHS / row.path),
            "label": indices.index(row.imagenet_index),
            "boxes": boxes[row.path],
        }
        for row in table.itertuples()
    ]
    names = table.drop_duplicates("imagenet_index")["torchvision_category"]
    return Data(
        _write(folder / "training.csv", rows[1 - fold :: 2]),
        _write(folder / "held_out.csv", rows[fold::2]),
        _write_classes(folder, list(names)),
        {"resize": 256, "crop": crop, "interpolation": "bicubic"},
    )


def imagenet_indices() -> list[int]:
    """Of the photographs' classes, in ascending order."""
    return sorted(pd.read_csv(PHOTOGRAPHS / "labels.csv")["imagenet_index"].unique().tolist())


def _photograph_boxes() -> dict[str, list[list[float]]]:
    content = json.loads((PHOTOGRAPHS / "instances_boxes.json").read_text())
    names = {image["id"]: image["file_name"] for image in content["images"]}
    boxes: dict[str, list[list[float]]] = {name: [] for name in names.values()}
    for annotation in content["annotations"]:
        left, top, width, height = annotation["bbox"]
        boxes[names[annotation["image_id"]]].append([left, top, left + width, top + height])
    return boxes


def _write(file: Path, rows: list[dict[str, Any]]) -> Path:
    table = pd.DataFrame(rows)
    table["boxes"] = [json.dumps(boxes) for boxes in table["boxes"]]
    table.to_csv(file, index=False)
    return file


def _write_classes(folder: Path, names: list[str]) -> Path:
    table = pd.DataFrame({"class_idx": range(len(names)), "name": names, "folder": names})
    table.to_csv(folder / "classes.csv", index=False)
    return folder / "classes.csv"
