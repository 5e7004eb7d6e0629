"""Parquet with the encoded images in a column, as the Hugging Face Hub stores them."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import AuditError
from tasks.images.decoding import ImageSource, UnreadableImage
from tasks.index.manifest import build_manifest
from tests.tasks.tiny_audit import draw

OUTPUTS = ["out 0", "out 1", "out 2"]
IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})


@pytest.fixture
def pictures(tmp_path):
    return [draw(tmp_path / "drawn" / f"{i}.png", seed=i).read_bytes() for i in range(5)]


def write(file: Path, pictures, labels=None, names=None, **columns) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    image = pa.array([p and {"bytes": p, "path": "x.png"} for p in pictures], IMAGE)
    content = {"image": image, **columns}
    if labels is not None:
        content["label"] = pa.array(labels, pa.int64())
    table = pa.table(content)
    if names is not None:
        features = {"label": {"names": names, "_type": "ClassLabel"}}
        table = table.replace_schema_metadata(
            {"huggingface": json.dumps({"info": {"features": features}})}
        )
    pq.write_table(table, file, row_group_size=2)
    return file


def rows(images: Path, **options: str) -> list[dict[str, object]]:
    return build_manifest(str(images), OUTPUTS, options.get("classes"), None)[0].to_pylist()


def test_bytes_labels_and_tags_row_by_row_over_row_groups(tmp_path, pictures):
    file = write(
        tmp_path / "test-00000.parquet", pictures, [0, 1, 2, -1, None], source=list("vwxyz")
    )
    found = rows(file)
    assert [row["label"] for row in found] == [0, 1, 2, -1, -1]
    assert [row["tags"] for row in found] == [[("source", c)] for c in "vwxyz"]
    assert {row["split"] for row in found} == {"test"}
    source = ImageSource()
    for i in (0, 3, 1, 4, 2, 0):  # to and fro between the row groups
        assert source.read(found[i]["uri"]) == pictures[i]


def test_a_folder_of_files_in_order(tmp_path, pictures):
    write(tmp_path / "set" / "data" / "train-1.parquet", pictures[3:], [1, 2])
    write(tmp_path / "set" / "data" / "train-0.parquet", pictures[:3], [0, 1, 2])
    found = rows(tmp_path / "set")
    source = ImageSource()
    assert [source.read(row["uri"]) for row in found] == pictures
    assert [row["label"] for row in found] == [0, 1, 2, 1, 2]


def test_a_picture_beside_the_parquet_files_is_not_the_dataset(tmp_path, pictures):
    write(tmp_path / "set" / "data" / "train-0.parquet", pictures, [0, 1, 2, 0, 1])
    draw(tmp_path / "set" / "logo.png")
    try:
        assert len(rows(tmp_path / "set")) == 5
    except AuditError as error:  # as good: it is not known which of the two is meant
        assert "logo.png" in str(error) and "Parquet" in str(error)


def test_class_label_names_keep_their_own_order(tmp_path, pictures):
    file = write(tmp_path / "train.parquet", pictures[:3], [0, 1, 2], ["zebra", "ant", "cow"])
    table, classes = build_manifest(str(file), OUTPUTS, None, None)
    assert classes.names == ("zebra", "ant", "cow")
    assert table["label"].to_pylist() == [0, 1, 2]


def test_class_label_names_hold_where_some_classes_have_no_image(tmp_path, pictures):
    file = write(tmp_path / "train.parquet", pictures[:3], [0, 2, 2], ["zebra", "ant", "cow"])
    assert [row["label"] for row in rows(file)] == [0, 2, 2]


def test_class_label_names_are_found_in_the_classes_file(tmp_path, pictures):
    (tmp_path / "c.csv").write_text("class_idx,name\n2,zebra\n0,ant\n1,cow\n")
    file = write(tmp_path / "train.parquet", pictures[:3], [0, 1, 2], ["zebra", "ant", "cow"])
    assert [r["label"] for r in rows(file, classes=str(tmp_path / "c.csv"))] == [2, 0, 1]


def test_a_label_outside_the_names(tmp_path, pictures):
    file = write(tmp_path / "train.parquet", pictures[:3], [0, 1, 7], ["ant", "bee", "cow"])
    assert [row["label"] for row in rows(file)][2] >= 3


def test_names_without_metadata_or_with_damaged_metadata(tmp_path, pictures):
    file = write(tmp_path / "train.parquet", pictures[:2], [0, 2])
    table = pq.read_table(file).replace_schema_metadata({"huggingface": "{not json"})
    pq.write_table(table, file)
    assert [row["label"] for row in rows(file)] == [0, 2]


def test_images_alone(tmp_path, pictures):
    found = rows(write(tmp_path / "x.parquet", pictures))
    assert len(found) == 5 and {row["label"] for row in found} == {-1}


def test_a_row_without_bytes_is_one_failure(tmp_path, pictures):
    found = rows(write(tmp_path / "x.parquet", [pictures[0], None, pictures[2]], [0, 1, 2]))
    source = ImageSource()
    with pytest.raises(UnreadableImage, match="no image bytes"):
        source.read(found[1]["uri"])
    assert source.read(found[2]["uri"]) == pictures[2]


def test_the_struct_is_the_image_even_behind_another_binary_column(tmp_path, pictures):
    file = tmp_path / "x.parquet"
    image = pa.array([{"bytes": p, "path": None} for p in pictures], IMAGE)
    pq.write_table(pa.table({"digest": [b"0123"] * 5, "image": image}), file)
    assert ImageSource().read(rows(file)[0]["uri"]) == pictures[0]


def test_the_column_of_this_name_is_the_image_even_behind_a_mask(tmp_path, pictures):
    file = tmp_path / "x.parquet"
    columns = [
        pa.array([{"bytes": p, "path": None} for p in each], IMAGE)
        for each in (pictures[::-1], pictures)
    ]
    pq.write_table(pa.table(columns, ["annotation", "image"]), file)
    found = rows(file)[0]
    assert ImageSource().read(found["uri"]) == pictures[0] and not found["tags"]


def test_no_column_with_images(tmp_path):
    pq.write_table(pa.table({"label": [1], "text": ["a"]}), tmp_path / "x.parquet")
    with pytest.raises(AuditError, match=r"neither a column 'uri' nor one .* got label, text"):
        rows(tmp_path / "x.parquet")


def test_a_plain_binary_column(tmp_path, pictures):
    file = tmp_path / "x.parquet"
    pq.write_table(pa.table({"jpeg": pictures, "label": [0, 1, 2, 0, 1]}), file)
    found = rows(file)
    assert ImageSource().read(found[4]["uri"]) == pictures[4]
    assert [row["label"] for row in found] == [0, 1, 2, 0, 1]


def test_no_rows(tmp_path):
    with pytest.raises(AuditError, match="no image found"):
        rows(write(tmp_path / "x.parquet", [], [], ["a", "b", "c"]))


@pytest.mark.parametrize("row", ["9", "-1", "x", ""])
def test_a_row_that_is_not_there(tmp_path, pictures, row):
    file = write(tmp_path / "x.parquet", pictures)
    with pytest.raises(UnreadableImage):
        ImageSource().read(f"{file}#{row}")
