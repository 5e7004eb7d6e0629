"""What the explorer needs beyond the other made-up tables: tags, and the clusters of each image;
and a reader of its data that shares no code with the writer."""

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reports import exemplars
from reports.background import background_exemplars
from reports.localization import localization_exemplars
from reports.patterns import unit_choice
from reports.shown import shown_images
from tasks.tables.background_schemas import CLUSTER_MEMBERS
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_table
from tests.reports import background_numbers, localization_numbers, unit_numbers
from tests.reports.small_run import SmallRun, write_small_run

Row = dict[str, Any]

CAMERAS = ["north", '<b onclick="alert(1)">south</b>', 'a, "quoted"\nvalue & #= 50%']
WITHOUT_TAGS = 6  # this image has none


def write_explored_run(root: Path) -> SmallRun:
    """A small run with tags and members of clusters."""
    run = write_small_run(root)
    background_numbers.write(run.folder)
    localization_numbers.write(run.folder)
    unit_numbers.write(run.folder)
    _write_tags(RunFolder(run.folder))
    _write_members(RunFolder(run.folder))
    return run


def show_few(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Of 40 images pages show 30 and the explorer `most`."""
    monkeypatch.setattr(shown_images, "MOST_IMAGES", most)
    monkeypatch.setattr(exemplars, "PICTURES_OF_CLASSES", 0)
    monkeypatch.setattr(exemplars, "FEWEST_PER_CLASS", 1)
    monkeypatch.setattr(localization_exemplars, "PER_GROUP", 1)
    monkeypatch.setattr(unit_choice, "CROPS_OF_CLASSES", 0)
    for name in ("PER_CONTEXT", "PER_PATTERN", "PER_FINDING"):
        monkeypatch.setattr(background_exemplars, name, 1)


def tags_of(image_id: int) -> list[tuple[str, str]] | None:
    if image_id == WITHOUT_TAGS:
        return None
    tags = [("camera", CAMERAS[image_id % 3])]
    return [*tags, ("site", f"site {image_id % 2}")] if image_id % 5 else tags


def contexts_of(image_id: int) -> list[int]:
    return [cluster for cluster in range(3) if (image_id + cluster) % (2 + cluster) == 0]


def explanations(predictions: list[Row]) -> dict[int, int]:
    """By image the cluster that `context_numbers` counts it in."""
    found = {}
    for class_idx in {row["predicted"] for row in predictions}:
        own = [row["image_id"] for row in predictions if row["predicted"] == class_idx]
        found |= {image_id: place % 2 for place, image_id in enumerate(own)}
    return found


def _write_tags(run: RunFolder) -> None:
    for shard in range(2):
        file = run.table_file("manifest", shard)
        table = pq.read_table(file)
        rows = [row | {"tags": tags_of(row["image_id"])} for row in table.to_pylist()]
        write_table(file, pa.Table.from_pylist(rows, schema=table.schema))


def _write_members(run: RunFolder) -> None:
    predictions = run.dataset("predictions").to_table().to_pylist()
    predictions.sort(key=lambda row: row["image_id"])
    own = explanations(predictions)
    rows = [
        {"image_id": row["image_id"], "contexts": contexts_of(row["image_id"])}
        # One has no evidence, and so no pattern.
        | {"explanation": None if row["image_id"] == 7 else own[row["image_id"]]}
        for row in predictions
    ]
    table = pa.Table.from_pylist(rows, schema=CLUSTER_MEMBERS)
    write_table(run.table_file("cluster_members"), table)


def read_script(file: Path) -> tuple[dict[str, Any], pa.Table]:
    """The facts and the table of a data script."""
    match = re.fullmatch(
        r'camaudit\.receive\("([\w-]+)",(.*),"([A-Za-z0-9+/=]+)"\);\n', file.read_text(), re.DOTALL
    )
    assert match and match[1] == file.stem
    stream = gzip.decompress(base64.b64decode(match[3]))
    return json.loads(match[2]), pa.ipc.open_stream(stream).read_all()
