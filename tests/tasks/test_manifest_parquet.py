"""Parquet manifests, and manifests behind URLs."""

import os
from pathlib import Path

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import AuditError
from tasks.images.decoding import ImageSource
from tasks.index.manifest import build_manifest
from tests.tasks.tiny_audit import draw

OUTPUTS = ["out 0", "out 1", "out 2"]


@pytest.fixture
def folder(tmp_path):
    for name in ("a", "b", "c"):
        draw(tmp_path / f"{name}.png")
    return tmp_path


def rows(file: Path | str) -> list[dict[str, object]]:
    return build_manifest(str(file), OUTPUTS, None, None)[0].to_pylist()


def csv(folder: Path, text: str) -> Path:
    (folder / "m.csv").write_text(text)
    return folder / "m.csv"


def test_parquet_manifest(folder):
    table = pa.table(
        {
            "uri": ["a.png", "b.png", "c.png"],
            "label": pa.array([2, None, 0]),
            "boxes": pa.array([[[1.0, 2, 3, 4]], None, []], pa.list_(pa.list_(pa.float64()))),
            "mask_uri": ["m.png", None, None],
            "count": pa.array([1, None, 3]),
        }
    )
    pq.write_table(table, folder / "m.parquet")
    found = rows(folder / "m.parquet")
    assert [row["label"] for row in found] == [2, -1, 0]
    assert [row["boxes"] or None for row in found] == [[[1, 2, 3, 4]], None, None]
    assert [row["mask_uri"] for row in found] == [str(folder / "m.png"), None, None]
    assert [row["uri"] for row in found] == [str(folder / f"{n}.png") for n in "abc"]


def test_tags_from_parquet_look_as_they_do_there(folder):
    pq.write_table(pa.table({"uri": ["a.png", "b.png"], "n": [1, None]}), folder / "m.parquet")
    assert [row["tags"] for row in rows(folder / "m.parquet")] == [[("n", "1")], []]


def test_labels_of_a_parquet_manifest_may_be_words(folder):
    words = pa.array(["z", "x", "y"]).dictionary_encode()
    pq.write_table(pa.table({"uri": ["a.png"] * 3, "label": words}), folder / "m.parquet")
    assert [row["label"] for row in rows(folder / "m.parquet")] == [2, 0, 1]


@pytest.mark.parametrize("boxes", ["[[1,2,3,4]]", [[1.0, 2.0, 3.0]], 7])
def test_boxes_of_another_shape_in_parquet(folder, boxes):
    pq.write_table(pa.table({"uri": ["a.png"], "boxes": [boxes]}), folder / "m.parquet")
    with pytest.raises(AuditError, match="boxes"):
        rows(folder / "m.parquet")


@pytest.mark.parametrize("content", [b"", b"hello", b"PAR1" + bytes(20) + b"PAR1"])
def test_a_file_that_is_no_parquet(folder, content):
    (folder / "m.parquet").write_bytes(content)
    with pytest.raises(AuditError, match=r"m\.parquet"):
        rows(folder / "m.parquet")


def test_manifests_behind_urls(folder):
    memory = fsspec.filesystem("memory")
    memory.pipe("/files-test/a.png", (folder / "a.png").read_bytes())
    memory.pipe("/files-test/m.csv", b"uri,label\na.png,1\n")
    (row,) = rows("memory://files-test/m.csv")
    assert row["label"] == 1
    assert ImageSource().read(row["uri"]) == (folder / "a.png").read_bytes()
    memory.rm("/files-test", recursive=True)


@pytest.mark.parametrize("of", ["manifest", "image"])
def test_a_changed_file_behind_a_file_url_changes_its_key(folder, of):
    uri = "a.png" if of == "manifest" else f"file://{folder}/a.png"
    file = csv(folder, f"uri,label\n{uri},0\n")
    place = f"file://{file}" if of == "manifest" else file
    before = rows(place)[0]["content_key"]
    os.utime(folder / "a.png", (1, 1))
    assert rows(place)[0]["content_key"] != before


def test_a_changed_mask_changes_the_key(folder):
    file = csv(folder, "uri,mask_uri\na.png,b.png\n")
    before = rows(file)[0]["content_key"]
    os.utime(folder / "b.png", (1, 1))
    assert rows(file)[0]["content_key"] != before


def test_the_index_of_a_data_frame_is_no_tag(folder):
    pd.DataFrame({"uri": ["a.png"], "label": [1]}, index=[5]).to_parquet(folder / "m.parquet")
    assert rows(folder / "m.parquet")[0]["tags"] == []
