"""CSV manifests that a user wrote."""

import os
from pathlib import Path

import pytest

from tasks.errors import AuditError
from tasks.index.manifest import build_manifest
from tests.tasks.tiny_audit import draw

OUTPUTS = ["out 0", "out 1", "out 2"]


@pytest.fixture
def folder(tmp_path):
    for name in ("a", "b", "c"):
        draw(tmp_path / f"{name}.png")
    return tmp_path


def rows(file: Path | str, **options: str) -> list[dict[str, object]]:
    table, _ = build_manifest(
        str(file), OUTPUTS, options.get("classes"), options.get("annotations")
    )
    return table.to_pylist()


def csv(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "m.csv"
    file.write_bytes(text.encode(encoding))
    return file


def test_every_column(folder):
    text = (
        "uri,label,mask_uri,boxes,split,camera,light\n"
        'a.png,2,m/a.png,"[[1, 2.5, 3, 4], [0, 0, 9, 9]]",test,C1,\n'
        f"{folder}/b.png,,,,,,dim\n"
    )
    first, second = rows(csv(folder, text))
    assert first["uri"] == str(folder / "a.png") and first["label"] == 2
    assert first["mask_uri"] == str(folder / "m" / "a.png")
    assert first["boxes"] == [[1, 2.5, 3, 4], [0, 0, 9, 9]]
    assert first["split"] == "test" and first["tags"] == [("camera", "C1")]
    assert first["size"] == os.path.getsize(folder / "a.png")
    assert second["uri"] == str(folder / "b.png") and second["label"] == -1
    assert (second["mask_uri"], second["boxes"], second["split"]) == (None, None, None)
    assert second["tags"] == [("light", "dim")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_windows_files(folder, encoding, end):
    text = "uri,label\na.png,0\n\nb.png,1\n".replace("\n", end)
    assert [row["label"] for row in rows(csv(folder, text, encoding))] == [0, 1]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("2", "0", "1"), [2, 0, 1]),
        (("2.0", "", "1.0"), [2, -1, 1]),
        (("cow", "ant", "bee"), [2, 0, 1]),
        (("99", "-1", "3000000000"), [99, -1, 2**31 - 1]),
        (("", "", ""), [-1, -1, -1]),
    ],
)
def test_labels(folder, labels, expected):
    text = "uri,label\n" + "".join(f"a.png,{label}\n" for label in labels)
    assert [row["label"] for row in rows(csv(folder, text))] == expected


def test_labels_are_found_in_the_classes_file_by_name_and_by_folder(folder):
    (folder / "classes.csv").write_text("class_idx,name,folder\n2,tench,n01\n0,horn,n02\n")
    file = csv(folder, "uri,label\na.png,n01\nb.png,horn\nc.png,unheard\n")
    labels = [row["label"] for row in rows(file, classes=str(folder / "classes.csv"))]
    assert labels == [2, 0, 3]  # 3: behind the last class, a row of `failures`


def test_folders_of_the_classes_file_that_look_like_numbers(folder):
    (folder / "classes.csv").write_text("class_idx,name,folder\n0,x,1\n1,y,2\n2,z,3\n")
    file = csv(folder, "uri,label\na.png,1\nb.png,2\nc.png,3\n")
    labels = [row["label"] for row in rows(file, classes=str(folder / "classes.csv"))]
    assert labels == [0, 1, 2]


def test_a_negative_label_is_outside_the_classes(folder):
    assert rows(csv(folder, "uri,label\na.png,-5\n"))[0]["label"] >= 3


@pytest.mark.parametrize("header", ["uri, label", " uri,label ", "\turi,label"])
def test_spaces_around_the_column_names(folder, header):
    assert [r["label"] for r in rows(csv(folder, f"{header}\na.png,0\nb.png,1\n"))] == [0, 1]


def test_a_comma_at_the_end_of_each_line(folder):
    found = rows(csv(folder, "uri,label\na.png,0,\nb.png,1,\n"))
    assert [(Path(r["uri"]).name, r["label"]) for r in found] == [("a.png", 0), ("b.png", 1)]


def test_the_same_image_twice_is_two_rows(folder):
    found = rows(csv(folder, "uri,label\na.png,0\na.png,1\n"))
    assert [(r["image_id"], r["label"]) for r in found] == [(0, 0), (1, 1)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("path,label\na.png,0\n", ["'uri'", "path,label"]),
        ("uri;label\na.png;0\n", ["'uri'", "uri;label"]),
        ("uri,label\na.png,0\n,1\n", ["line 3", "uri is missing"]),
        ("uri,label\na.png,0.5\n", ["'0.5'", "whole number"]),
        ('uri,boxes\na.png,"[1,2,3,4]"\n', ["line 2", "[1,2,3,4]", "left, top"]),
        ('uri,boxes\na.png,"[[1,2,3]]"\n', ["line 2", "JSON list"]),
        ("uri,boxes\na.png,1 2 3 4\n", ["line 2", "JSON list"]),
        ("uri,label\n", ["no image found"]),
        ("", ["cannot be read"]),
        ("uri,label\né.png,0\n", ["utf-8"]),
    ],
)
def test_errors_say_what_is_wrong(folder, text, says):
    with pytest.raises(AuditError) as error:
        rows(csv(folder, text, "latin-1"))
    for words in [*says, "m.csv"]:
        assert words in str(error.value)
