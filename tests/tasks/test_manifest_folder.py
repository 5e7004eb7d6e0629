"""Folders of images: local, linked, behind a URL."""

import os
from pathlib import Path

import fsspec
import pytest

from tasks.errors import AuditError
from tasks.images.decoding import ImageSource
from tasks.index.manifest import build_manifest
from tests.tasks.tiny_audit import CLASSES, draw, draw_folders

OUTPUTS = ["out 0", "out 1", "out 2"]


def listed(
    images: Path | str, outputs: list[str] = OUTPUTS, roots: tuple[str, ...] = ()
) -> list[tuple[str, int]]:
    rows = build_manifest(str(images), outputs, None, None, roots)[0].to_pylist()
    assert [row["image_id"] for row in rows] == list(range(len(rows)))
    return [(os.path.relpath(row["uri"], images), row["label"]) for row in rows]


def test_one_folder_per_class(tmp_path):
    draw_folders(tmp_path, 2)
    table, classes = build_manifest(str(tmp_path), OUTPUTS, None, None)
    assert classes.names == CLASSES
    expected = [(f"{c}/{i}.png", k) for k, c in enumerate(CLASSES) for i in range(2)]
    assert listed(tmp_path) == expected
    for row in table.to_pylist():
        assert row["size"] == os.path.getsize(row["uri"])
        assert (row["mask_uri"], row["boxes"], row["split"]) == (None, None, None)


def test_a_flat_folder_is_unlabelled_and_keeps_the_models_names(tmp_path):
    for name in "ba":
        draw(tmp_path / f"{name}.png")
    assert listed(tmp_path) == [("a.png", -1), ("b.png", -1)]
    assert build_manifest(str(tmp_path), OUTPUTS, None, None)[1].names == tuple(OUTPUTS)


def test_nested_hidden_and_other_files(tmp_path):
    draw_folders(tmp_path, 1)
    draw(tmp_path / "ant" / "deep" / "deeper" / "x.JPG")
    draw(tmp_path / "ant" / ".hidden.png")
    draw(tmp_path / ".cache" / "x.png")
    (tmp_path / "ant" / "notes.txt").write_text("x")
    (tmp_path / "Thumbs.db").write_text("x")
    (tmp_path / "bee" / "folder.jpg").mkdir()
    expected = [("ant/0.png", 0), ("ant/deep/deeper/x.JPG", 0), ("bee/0.png", 1), ("cat/0.png", 2)]
    assert listed(tmp_path) == expected


def test_names_with_spaces_unicode_and_signs(tmp_path):
    draw_folders(tmp_path, 0)
    for name, label in (("a b.png", "ant"), ("ü#1%20.png", "bee"), ("*?[x].png", "cat")):
        draw(tmp_path / label / name)
    rows = build_manifest(str(tmp_path), OUTPUTS, None, None)[0].to_pylist()
    assert [row["label"] for row in rows] == [0, 1, 2]
    for row in rows:
        assert ImageSource().read(row["uri"]) == Path(row["uri"]).read_bytes()


def test_two_colons_in_a_name(tmp_path):
    file = draw(tmp_path / "12::30.png")
    assert ImageSource().read(str(file)) == file.read_bytes()


def test_a_name_that_is_not_utf8_costs_one_image_and_not_the_run(tmp_path):
    draw_folders(tmp_path, 1)
    source = (tmp_path / "ant" / "0.png").read_bytes()
    Path(os.fsdecode(os.fsencode(tmp_path / "ant") + b"/\xff\xfe.png")).write_bytes(source)
    assert [label for _, label in listed(tmp_path)].count(0) == 2


def test_a_link_that_leads_nowhere_is_listed(tmp_path):
    draw_folders(tmp_path, 1)
    (tmp_path / "ant" / "gone.png").symlink_to("nowhere.png")
    assert ("ant/gone.png", 0) in listed(tmp_path)


def test_the_root_may_be_a_link_and_a_link_to_a_parent_is_no_loop(tmp_path):
    draw_folders(tmp_path / "real", 1)
    (tmp_path / "real" / "ant" / "up").symlink_to("..")
    (tmp_path / "link").symlink_to("real")
    assert len(listed(tmp_path / "link")) == 3


def test_a_class_folder_that_is_a_link(tmp_path):
    draw_folders(tmp_path / "store", 1)
    (tmp_path / "set").mkdir()
    for name in CLASSES:
        (tmp_path / "set" / name).symlink_to(tmp_path / "store" / name)
    with pytest.raises(AuditError, match=r"ant/0\.png.*store/ant/0\.png.*--root"):
        listed(tmp_path / "set")
    found = listed(tmp_path / "set", roots=(str(tmp_path),))
    assert found == [(f"{c}/0.png", k) for k, c in enumerate(CLASSES)]


def test_a_linked_file_that_changes_changes_its_key(tmp_path):
    draw_folders(tmp_path / "set", 1)
    target = draw(tmp_path / "store.png")
    (tmp_path / "set" / "ant" / "0.png").unlink()
    (tmp_path / "set" / "ant" / "0.png").symlink_to(target)

    def key() -> str:
        folder, roots = str(tmp_path / "set"), (str(tmp_path),)
        rows = build_manifest(folder, OUTPUTS, None, None, roots)[0].to_pylist()
        return rows[0]["content_key"]

    before = key()
    os.utime(target, (1, 1))
    assert key() != before


@pytest.mark.parametrize("scheme", ["file://", ""])
def test_a_file_url_is_a_path(tmp_path, scheme):
    draw_folders(tmp_path, 1)
    rows = build_manifest(f"{scheme}{tmp_path}", OUTPUTS, None, None)[0].to_pylist()
    assert [ImageSource().read(row["uri"]) for row in rows] == [
        (tmp_path / c / "0.png").read_bytes() for c in CLASSES
    ]


def test_a_url_of_any_filesystem(tmp_path):
    memory = fsspec.filesystem("memory")
    for name in CLASSES:
        memory.pipe(f"/folder-test/{name}/0.png", draw(tmp_path / "x.png").read_bytes())
    rows = build_manifest("memory://folder-test", OUTPUTS, None, None)[0].to_pylist()
    assert [row["label"] for row in rows] == [0, 1, 2]
    assert ImageSource().read(rows[1]["uri"]) == (tmp_path / "x.png").read_bytes()
    memory.rm("/folder-test", recursive=True)


@pytest.mark.parametrize("images", ["", "absent", "note.txt", "text"])
def test_no_images_is_an_error_that_names_the_place(tmp_path, images):
    (tmp_path / "note.txt").write_text("x")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "x.txt").write_text("x")
    place = tmp_path / images if images else tmp_path / "empty"
    place.mkdir(exist_ok=True) if not images else None
    with pytest.raises(AuditError) as error:
        build_manifest(str(place), OUTPUTS, None, None)
    assert str(place) in str(error.value) and "expected" in str(error.value)


@pytest.mark.parametrize("url", ["nosuch://x", "https://localhost:1/x.csv"])
def test_a_url_that_cannot_be_reached(url):
    with pytest.raises(AuditError, match=url.split(":")[0]):
        build_manifest(url, OUTPUTS, None, None)
