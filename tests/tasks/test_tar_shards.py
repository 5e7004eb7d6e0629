"""Images in tar archives: the audit is that of the files unpacked; labels, tags and masks."""

import json
import tarfile
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.diff.image_pairing import pair_images
from tasks.errors import AuditError
from tasks.images.decoding import ImageSource
from tasks.images.file_state import file_state
from tasks.images.masks import read_mask
from tests.tasks.packed_images import pack, pictures, read_all, rows
from tests.tasks.tiny_audit import configure, draw_folders, run_audit, table

PLACES = ["uri", "content_key"]  # what says where a file is


@pytest.fixture
def drawn(tmp_path: Path) -> list[bytes]:
    return pictures(tmp_path / "drawn", 6)


def test_tables_are_those_of_the_same_files_unpacked(tmp_path: Path) -> None:
    folder = draw_folders(tmp_path / "images", 3)
    files = sorted(folder.rglob("*.png"))
    names = [str(file.relative_to(folder)) for file in files]
    packed = {name: file.read_bytes() for name, file in zip(names, files, strict=True)}
    pack(tmp_path / "packed" / "a-0.tar", dict(list(packed.items())[:7]))
    pack(tmp_path / "packed" / "a-1.tar", dict(list(packed.items())[7:]))
    shards = f"{tmp_path}/packed/a-{{0..1}}.tar"
    one = run_audit(configure(tmp_path / "one", folder, shard_size=5))
    two = run_audit(configure(tmp_path / "two", shards, shard_size=5))
    tables = {entry.name for entry in (one.root / "tables").iterdir()}
    assert tables == {entry.name for entry in (two.root / "tables").iterdir()}
    for name in tables:
        a, b = (table(run, name).drop(columns=PLACES, errors="ignore") for run in (one, two))
        pd.testing.assert_frame_equal(a, b, check_exact=True)
    assert list(table(two, "manifest")["uri"].str.split("/", n=1).str[1]) != names
    assert [
        uri.split(".tar#")[1].split("/", 1)[1] for uri in table(two, "manifest")["uri"]
    ] == names
    sides = [table(run, "manifest").assign(class_name="") for run in (one, two)]
    pairs = pair_images(*sides, f"{folder}/", f"{tmp_path}/packed/")
    assert set(pairs["paired_by"]) == {"content"} and (pairs["row_a"] == pairs["row_b"]).all()


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_bytes_in_each_form_of_tar(tmp_path: Path, drawn: list[bytes], form: int) -> None:
    names = ["a/a.png", "b/ü ñ.png", f"{'long/' * 25}x.png", "b/c.d/x.png", "a/d.PNG", "a/e.jpeg"]
    file = pack(tmp_path / "x.tar", dict(zip(names, drawn, strict=True)), form)
    found = rows(file)
    assert [row["uri"].rpartition("+")[2].split("/", 1)[1] for row in found] == names
    assert read_all(found[::-1]) == drawn[::-1]
    assert [row["size"] for row in found] == [len(picture) for picture in drawn]
    with tarfile.open(file) as tar:
        starts = [tar.getmember(name).offset_data for name in names]
    assert [int(row["uri"].split("#")[1].split("+")[0]) for row in found] == starts
    assert file_state(found[1]["uri"]) == (len(drawn[1]), file_state(str(file))[1])


def test_webdataset_labels_tags_and_masks(tmp_path: Path, drawn: list[bytes]) -> None:
    mask = np.zeros((36, 40), np.uint8)
    mask[:10] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    more = {"label": 1, "weather": "fog", "night": True, "box": [1, 2], "none": None}
    members = {
        "a/0.cls": b"2\n", "a/0.png": drawn[0], "a/0.txt": b"a caption",
        "a/0.json": b'{"label": 0}', "a/2.png": drawn[3], "b/0.png": drawn[4],
        "a/1.left.png": drawn[1], "a/1.right.png": drawn[2], "a/1.json": json.dumps(more).encode(),
        "a/2.mask.png": (tmp_path / "mask.png").read_bytes(),
        "b/0.cls": b"-1", "meta.json": b"[not about an image",
    }  # fmt: skip
    found = rows(pack(tmp_path / "x.tar", members))
    assert [row["label"] for row in found] == [2, -1, -1, 1, 1]
    tags = [("weather", "fog"), ("night", "True")]
    assert [row["tags"] for row in found] == [None, None, None, tags, tags]
    assert [row["mask_uri"] is not None for row in found] == [False, True, False, False, False]
    np.testing.assert_array_equal(read_mask(ImageSource(), found[1]["mask_uri"]), mask > 0)


def test_labels_may_be_words_and_stand_anywhere(tmp_path: Path, drawn: list[bytes]) -> None:
    images = {f"{i}.png": drawn[i] for i in range(3)}
    pack(
        tmp_path / "set" / "s-0.tar", {**images, "0.cls": b"cow", "1.cls": b"ant", "2.cls": b"bee"}
    )
    pack(tmp_path / "set" / "s-1.tar", {"0.cls": b"bee", "0.png": drawn[3], "n/1.png": drawn[4]})
    found = rows(tmp_path / "set")
    assert [row["label"] for row in found] == [2, 0, 1, 1, -1]
    assert read_all(found) == drawn[:5]


def test_a_label_outside_the_models_classes_and_one_of_none(
    tmp_path: Path, drawn: list[bytes]
) -> None:
    found = rows(pack(tmp_path / "x.tar", {"0.png": drawn[0], "0.cls": b"7", "1.png": drawn[1]}))
    assert [row["label"] for row in found] == [7, -1]


@pytest.mark.parametrize("text", [b"1.5", b"\xff\xfe"])
def test_a_label_that_is_none(tmp_path: Path, drawn: list[bytes], text: bytes) -> None:
    with pytest.raises(AuditError, match=r"label '1.5' is not a whole|0.cls cannot be read"):
        rows(pack(tmp_path / "x.tar", {"0.png": drawn[0], "0.cls": text}))


@pytest.mark.parametrize("text", [b"{", b'{"label": [1]}', b'{"label": true}', b"\xff",
                                  b'{"label": "\\ud83d"}', b'"\xed\xa0\xbd"'])  # fmt: skip
def test_a_description_that_cannot_be_read(tmp_path: Path, drawn: list[bytes], text: bytes) -> None:
    with pytest.raises(AuditError, match=r"x.tar: 0.json cannot be read: .*; expected"):
        rows(pack(tmp_path / "x.tar", {"0.png": drawn[0], "0.json": text}))


def test_links_lead_to_the_image_and_hidden_files_are_left_out(
    tmp_path: Path, drawn: list[bytes]
) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        (tmp_path / "0.png").write_bytes(drawn[0])
        for name in ("./a/0.png", "./a/._0.png", "./.cache/0.png"):
            tar.add(tmp_path / "0.png", name)
            tar.inodes = {}
        for kind, name, target in (
            (tarfile.LNKTYPE, "b/1.png", "./a/0.png"),
            (tarfile.SYMTYPE, "b/2.png", "../a/0.png"),
            (tarfile.SYMTYPE, "c/3.png", "/etc/hostname"),
        ):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, target
            tar.addfile(link)
    found = rows(tmp_path / "x.tar")
    assert read_all(found) == [drawn[0]] * 3 + [b""]


def test_behind_a_url(tmp_path: Path, drawn: list[bytes]) -> None:
    memory = fsspec.filesystem("memory")
    for shard in (0, 1):
        members = {f"{i}.png": drawn[3 * shard + i] for i in range(3)}
        file = pack(tmp_path / f"{shard}.tar", members)
        memory.pipe(f"/tars/s-{shard}.tar", file.read_bytes())
    found = rows("memory://tars/s-{0..1}.tar")
    assert found[3]["uri"] == f"memory:///tars/s-1.tar#512+{len(drawn[3])}/0.png"
    assert read_all([found[i] for i in (0, 4, 1, 5, 2, 3)]) == [
        drawn[i] for i in (0, 4, 1, 5, 2, 3)
    ]
    assert rows("memory://tars/*.tar") == found
    memory.pipe("/tars/s-1.tar", b"replaced by another file" * 1000)
    assert "no member of the archive starts at byte 0" in read_all(found)[3]
    memory.rm("/tars", recursive=True)
