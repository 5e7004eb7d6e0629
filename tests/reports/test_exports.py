"""Exported rows against the tables, COCO json against the manifest, heatmaps against geometry."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from reports.explorer.links import images_link
from reports.exports.fiftyone import over_image
from reports.exports.image_table import image_table, shown_rows
from reports.exports.row_files import write_uris
from reports.tables import load_tables
from tasks.errors import AuditError
from tasks.tables.storage import RunFolder
from tests.reports.explorer_numbers import tags_of
from tests.reports.small_run import CLASSES
from tests.reports.test_explorer_browser import check_exported, facts, report, typed_value

__all__ = ["facts", "report"]


def call(report: Path, *flags: str) -> Result:
    return CliRunner().invoke(app, ["export", str(report.parent), *flags])


@pytest.fixture(scope="module")
def frame(report: Path) -> pd.DataFrame:
    return image_table(load_tables(RunFolder(report.parent)))


def test_tables_are_those_that_the_page_saves(
    report: Path, facts: pd.DataFrame, tmp_path: Path
) -> None:
    rows = images_link(ranges={"probability": (0.6, None)}, predicted=1)
    wanted = facts[(facts["probability"] >= np.float32(0.6)) & (facts["predicted"] == 1)]
    assert 2 < len(wanted) < 20
    for kind in ("csv", "parquet", "uris"):
        out = tmp_path / "new" / kind
        assert call(report, "--to", kind, "--out", str(out), "--rows", rows).exit_code == 0
    check_exported(pq.read_table(tmp_path / "new" / "parquet").to_pylist(), wanted)
    text = (tmp_path / "new" / "csv").read_text()
    typed = [
        {name: typed_value(name, value) for name, value in row.items()}
        for row in csv.DictReader(io.StringIO(text, newline=""))
    ]
    check_exported(typed, wanted)
    assert (tmp_path / "new" / "uris").read_text().splitlines() == wanted["uri"].tolist()


def mistakes(row: dict[str, Any]) -> bool:
    return row["correct"] is False


@pytest.mark.parametrize(
    "link, test",
    [
        (images_link(), lambda row: True),
        (images_link("../", answer="mistake"), mistakes),
        (images_link(label=2, answer="right"), lambda row: row["label"] == 2 and row["correct"]),
        (images_link(tags={"camera": "north"}), lambda row: row["camera"] == "north"),
        (images_link(verdict="confirmed"), lambda row: row["verdict"] == "confirmed"),
        (images_link(tested="yes"), lambda row: isinstance(row["stratum"], str)),
        (images_link(context=0), lambda row: 0 in row["contexts"]),
        (
            images_link(explanation="0.0"),
            lambda row: row["predicted"] == 0 and row["explanation"] == 0,
        ),
        (images_link(ranges={"score": (0.2, 0.6)}), lambda row: 0.2 <= row["score"] <= 0.6),
        ("#q=PEAR&sort=-loss&image=3", lambda row: 2 in (row["label"], row["predicted"])),
        ("q=17", lambda row: row["image_id"] == 17 or "17" in row["uri"]),
    ],
)
def test_an_address_chooses_the_rows_that_the_page_shows(
    frame: pd.DataFrame, facts: pd.DataFrame, link: str, test: Any
) -> None:
    rows = facts.reset_index().to_dict("records")
    wanted = [row["image_id"] for row in rows if test(row)]
    assert len(wanted) > 0
    assert shown_rows(frame, link)["image_id"].tolist() == wanted


@pytest.mark.parametrize(
    "rows, says",
    [
        ("#weather=rain", "weather=rain filters by what this audit does not have"),
        ("#tag.colour=red", "does not have"),
        ("#score=high", "score=high is no range; expected score=0.2..0.8"),
        ("#score=a..b", "is no range"),
        ("label", "'label' names no filter; expected an address .* as in answer=mistake&label=3"),
        ("images.html#label", "names no filter"),
        ("##", "names no filter"),
    ],
)
def test_a_filter_that_is_none_is_told(frame: pd.DataFrame, rows: str, says: str) -> None:
    with pytest.raises(AuditError, match=says):
        shown_rows(frame, rows)


@pytest.mark.parametrize("rows", ["", "#", " # ", "file:///r/images.html", "images.html#"])
def test_an_address_without_filters_shows_all(frame: pd.DataFrame, rows: str) -> None:
    assert shown_rows(frame, rows)["image_id"].tolist() == frame["image_id"].tolist()


def test_a_uri_of_two_lines_is_in_no_list(frame: pd.DataFrame, tmp_path: Path) -> None:
    for name in ("a\nb.png", "a\u2028b.png", ""):
        uris = frame.assign(uri=[*frame["uri"][:-1], name])
        with pytest.raises(
            AuditError, match=r"empty or more than a line.*Write csv or parquet instead"
        ):
            write_uris(uris, tmp_path / "uris.txt")
    assert not (tmp_path / "uris.txt").exists()


def test_a_part_of_the_audit_is_not_written_over(report: Path) -> None:
    run = report.parent
    for place in ("audit.json", "tables/manifest/shard-00000.parquet", "report", "tables"):
        before = (run / place).stat().st_mtime_ns
        done = call(report, "--to", "csv", "--out", str(run / "tables" / ".." / place))
        assert done.exit_code == 1 and "is a part of the audit" in done.stderr, done.output
        assert (run / place).stat().st_mtime_ns == before


def test_coco_holds_the_boxes_of_the_manifest(report: Path, tmp_path: Path) -> None:
    out = tmp_path / "coco.json"
    assert call(report, "--to", "coco", "--out", str(out), "--rows", "#label=1").exit_code == 0
    found = json.loads(out.read_text())
    run = RunFolder(report.parent)
    sizes = {row["image_id"]: row for row in run.dataset("predictions").to_table().to_pylist()}
    rows = [r for r in run.dataset("manifest").to_table().to_pylist()
            if r["image_id"] in sizes and r["label"] == 1]  # fmt: skip
    assert [image["file_name"] for image in found["images"]] == [row["uri"] for row in rows]
    assert {c["id"]: c["name"] for c in found["categories"]} == dict(enumerate(CLASSES))
    by_image = {each["image_id"]: each for each in found["annotations"]}
    boxed = [row for row in rows if row["boxes"]]
    assert boxed and len(by_image) == len(found["annotations"]) == len(boxed)
    for row in boxed:
        ((left, top, right, bottom),) = row["boxes"]
        size = sizes[row["image_id"]]
        left, right = max(left, 0), min(right, size["width"])
        top, bottom = max(top, 0), min(bottom, size["height"])
        each = by_image[row["image_id"]]
        assert each["bbox"] == pytest.approx([left, top, right - left, bottom - top])
        assert each["category_id"] == 1
    first = found["images"][0]["camaudit"]
    assert first["label_name"] == CLASSES[1] and first["tag.camera"] == dict(tags_of(1) or [])[
        "camera"
    ]  # fmt: skip


@pytest.mark.parametrize("width, height", [(400, 200), (150, 450), (96, 96)])
def test_a_heatmap_lies_over_the_part_that_the_model_saw(width: int, height: int) -> None:
    cells = np.zeros((7, 7), np.float32)
    cells[1, 5] = 3.0
    found = over_image(cells, width, height, resize=128, crop=112)
    assert max(found.shape) == 128 and found.max() == pytest.approx(3, rel=0.15)
    # The cell's centre in the view, then in the resized image, then in shares of it.
    scale = 128 / min(width, height)
    x = (5.5 / 7 * 112 + (width * scale - 112) / 2) / (width * scale)
    y = (1.5 / 7 * 112 + (height * scale - 112) / 2) / (height * scale)
    rows, cols = np.indices(found.shape)
    weight = found / found.sum()
    assert ((cols + 0.5) * weight).sum() / found.shape[1] == pytest.approx(x, abs=0.01)
    assert ((rows + 0.5) * weight).sum() / found.shape[0] == pytest.approx(y, abs=0.01)


def test_a_fiftyone_dataset_has_labels_boxes_and_maps(report: Path, tmp_path: Path) -> None:
    out = tmp_path / "dataset"
    assert call(report, "--to", "fiftyone", "--out", str(out)).exit_code == 0
    samples = json.loads((out / "samples.json").read_text())["samples"]
    limit = json.loads((out / "metadata.json").read_text())["info"]["map_limit"]
    run = RunFolder(report.parent)
    rows = {row["image_id"]: row for row in run.dataset("predictions").to_table().to_pylist()}
    maps = {
        (row["image_id"], row["role"]): row
        for row in run.dataset("heatmaps").to_table().to_pylist()
        if row["state"] == "ok"
    }
    assert [sample["image_id"] for sample in samples] == sorted(rows)
    for sample in samples:
        row = rows[sample["image_id"]]
        assert sample["ground_truth"]["label"] == CLASSES[row["label"]]
        assert sample["prediction"]["label"] == CLASSES[row["predicted"]]
        assert sample["prediction"]["confidence"] == pytest.approx(row["probability"])
        assert sample["tags"] == ["right" if row["correct"] else "mistake"]
        own = maps.get((sample["image_id"], "predicted"))
        assert ("evidence_predicted" in sample) == (own is not None)
        if own is not None:
            grey = cv2.imread(str(out / sample["evidence_predicted"]["map_path"]), 0)
            peak = max(own["heatmap"]) * own["scale"]
            assert grey.max() == pytest.approx(255 * min(1, peak / limit), abs=9)
    boxes = [s["objects"]["detections"] for s in samples if "objects" in s]
    assert len(boxes) > 10
    assert all(0 <= edge <= 1 for own in boxes for box in own for edge in box["bounding_box"])


@pytest.mark.parametrize(
    "flags, says",
    [
        (["--to", "csv", "--rows", "#nothing=1"], "filters by what this audit does not have"),
        (["--to", "pdf", "--rows", "#label=1"], "--rows chooses images"),
        (["--to", "csv", "--out", "/proc"], "/proc is a folder; expected a file"),
        (["--to", "fiftyone", "--out", "/etc"], "not empty and holds no view of camaudit"),
    ],
)
def test_bad_input_is_told(report: Path, flags: list[str], says: str) -> None:
    result = call(report, *flags)
    assert result.exit_code == 1 and says in " ".join(result.output.split())
