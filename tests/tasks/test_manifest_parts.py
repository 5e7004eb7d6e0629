"""Manifests longer than what is read at once: rows, labels and the rows that errors name."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import AuditError
from tasks.index import manifest_files
from tasks.index.manifest import build_manifest

Rows = list[dict[str, Any]]
ROWS, WRONG = 11, 9  # the wrong one stands in the third part


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_files, "ROWS_AT_ONCE", 4)


def given(labels: list[Any]) -> Rows:
    return [
        {
            "uri": f"{i}.png",
            "label": label,
            "boxes": [[float(i), 0.0, 5.0, 6.0]] if i % 3 else None,
            "box_names": ["cat"] if i % 3 == 1 else None,
            "site": None if i % 4 == 2 else f"site {i % 2}",
        }
        for i, label in enumerate(labels)
    ]


def write(folder: Path, kind: str, rows: Rows) -> Path:
    file = folder / f"m.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), file)
        return file
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, rows[0])
        writer.writeheader()
        for row in rows:
            lists = {k: json.dumps(v) for k, v in row.items() if isinstance(v, list)}
            writer.writerow({**row, **lists})
    return file


def listed(file: Path, outputs: int) -> Rows:
    return build_manifest(str(file), [f"out {i}" for i in range(outputs)], None, None)[
        0
    ].to_pylist()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("rows", [0, 1, 4, ROWS])
def test_all_rows_in_their_order(tmp_path: Path, kind: str, rows: int) -> None:
    wanted = given([i % 5 if i % 6 else None for i in range(rows)])
    file = write(tmp_path, kind, wanted or given([0]))
    if not rows:
        header = file.read_text().splitlines()[0] if kind == "csv" else ""
        file.write_text(header) if header else pq.write_table(pq.read_table(file)[:0], file)
        with pytest.raises(AuditError, match="no image found"):
            listed(file, 5)
        return
    found = listed(file, 5)
    assert [row["image_id"] for row in found] == list(range(rows))
    for own, row in zip(wanted, found, strict=True):
        assert row["uri"] == str(tmp_path / own["uri"])
        assert row["label"] == (-1 if own["label"] is None else own["label"])
        assert (row["boxes"], row["box_names"]) == (own["boxes"], own["box_names"])
        assert row["tags"] == ([] if own["site"] is None else [("site", own["site"])])


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_word_far_down_makes_words_of_all_labels(tmp_path: Path, kind: str) -> None:
    labels = [*(["2", "10"] * 5)[: ROWS - 1], "z"]
    found = listed(write(tmp_path, kind, given(labels)), 3)
    places = {"10": 0, "2": 1, "z": 2}  # sorted as text
    assert [row["label"] for row in found] == [places[label] for label in labels]


def test_labels_written_in_two_ways_are_one_class(tmp_path: Path) -> None:
    labels = ["1", "01", "1.0", "0", "2", "+1", "1", "0.0", "02"]
    found = listed(write(tmp_path, "csv", given(labels)), 3)
    assert [row["label"] for row in found] == [1, 1, 1, 0, 2, 1, 1, 0, 2]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("uri", None, f"line {WRONG + 2}: the uri is missing"),
        ("uri", "/elsewhere.png", f"in line {WRONG + 2}"),
        ("boxes", "[[1]]", f"line {WRONG + 2}"),
        ("box_names", "cat", f"line {WRONG + 2}"),
        ("box_names", '["a", "b"]', f"row {WRONG}: 2 box_names for 0 boxes"),
        ("label", "1.5", "label '1.5' is not a whole number"),
    ],
)
def test_errors_name_the_row_in_the_file(
    tmp_path: Path, column: str, value: str | None, said: str
) -> None:
    rows = given(["1"] * ROWS)
    rows[WRONG][column] = value
    with pytest.raises(AuditError, match=said):
        listed(write(tmp_path, "csv", rows), 3)


def test_rows_of_a_parquet_file_with_images_count_on(tmp_path: Path) -> None:
    images = [{"image": {"bytes": b"x", "path": None}} for _ in range(ROWS)]
    pq.write_table(pa.Table.from_pylist(images), tmp_path / "m.parquet")
    found = listed(tmp_path / "m.parquet", 1)
    assert [row["uri"] for row in found] == [f"{tmp_path}/m.parquet#{i}" for i in range(ROWS)]
