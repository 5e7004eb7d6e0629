"""Archives that were cut or damaged, and names that mean harm: no wrong image, no silent loss."""

import gzip
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tasks.errors import AuditError
from tasks.images.decoding import ImageSource, UnreadableImage
from tests.tasks.packed_images import pack, pictures, read_all, rows


@pytest.fixture
def drawn(tmp_path: Path) -> list[bytes]:
    return pictures(tmp_path / "drawn", 4)


def test_wherever_an_archive_is_cut(tmp_path: Path, drawn: list[bytes]) -> None:
    names = [f"{i}.png" for i in range(4)]
    whole = pack(tmp_path / "whole.tar", dict(zip(names, drawn, strict=True))).read_bytes()
    with tarfile.open(tmp_path / "whole.tar") as tar:
        members = tar.getmembers()
    file = tmp_path / "cut.tar"
    last = members[-1].offset_data + members[-1].size
    for size in (*range(512, last, 2039), *(m.offset for m in members[1:]), last):
        file.write_bytes(whole[:size])
        contents = read_all(rows(file))
        there = [m for m in members if m.offset_data + m.size <= size]
        assert contents[: len(there)] == drawn[: len(there)]
        (told,) = contents[len(there) :]  # of the image that was cut, or of what stood behind
        assert f"the archive ends at byte {size:,}" in told and "is lost, too" in told


def test_a_damaged_header_loses_what_stands_behind(tmp_path: Path, drawn: list[bytes]) -> None:
    file = pack(tmp_path / "x.tar", {f"{i}.png": drawn[i] for i in range(4)})
    with tarfile.open(file) as tar:
        offset = tar.getmember("2.png").offset
    content = bytearray(file.read_bytes())
    content[offset] ^= 1
    file.write_bytes(content)
    found = rows(file)
    assert [row["uri"].rpartition("/")[2] for row in found] == ["0.png", "1.png", "(lost)"]
    assert f"no member of the archive starts at byte {offset:,}" in read_all(found)[2]


def test_damage_anywhere_is_an_error_or_a_failure(tmp_path: Path, drawn: list[bytes]) -> None:
    """Headers have checksums; damage within an image is for its decoder to find."""
    whole = pack(tmp_path / "x.tar", {f"é{i}.png": drawn[i] for i in range(4)}).read_bytes()
    known, generator = set(drawn), np.random.default_rng(0)
    headers = [at for at in range(0, len(whole), 512) if b"ustar" in whole[at : at + 512]]
    for _ in range(60):
        content = bytearray(whole)
        for at in generator.choice(headers, 2) + generator.integers(0, 512, 2):
            content[at] = generator.integers(0, 256)
        (tmp_path / "y.tar").write_bytes(content)
        try:
            found = rows(tmp_path / "y.tar")
        except AuditError:
            continue
        assert {c for c in read_all(found) if isinstance(c, bytes)} <= known | {b""}


def test_names_that_lead_elsewhere_are_shown_and_written_nowhere(
    tmp_path: Path, drawn: list[bytes]
) -> None:
    names = ["../../up.png", "/etc/absolute.png", "a/line\nbreak.png", "<script>.png"]
    file = pack(tmp_path / "deep" / "x.tar", dict(zip(names, drawn, strict=True)))
    before = sorted(tmp_path.rglob("*"))
    found = rows(file)
    assert [row["uri"].partition("+")[2].partition("/")[2] for row in found] == [
        "%2E%2E/%2E%2E/up.png", "etc/absolute.png", "a/line%0Abreak.png", "<script>.png",
    ]  # fmt: skip
    assert read_all(found) == drawn
    assert sorted(tmp_path.rglob("*")) == before


def test_a_name_that_is_no_utf8(tmp_path: Path, drawn: list[bytes]) -> None:
    file = pack(tmp_path / "x.tar", {"a\udcff.png": drawn[0]}, tarfile.GNU_FORMAT)
    (row,) = rows(file)
    assert row["uri"].endswith("/a%FF.png") and read_all([row]) == [drawn[0]]


def test_a_name_that_stands_twice(tmp_path: Path, drawn: list[bytes]) -> None:
    for name in ("0.png", "0.cls"):
        file = pack(tmp_path / "x.tar", {"0.png": drawn[0], "0.cls": b"1"})
        with tarfile.open(file, "a") as tar:
            tar.addfile(tarfile.TarInfo(name))
        with pytest.raises(AuditError, match=f"holds {name} twice"):
            rows(file)


def test_compressed_archives_are_refused(tmp_path: Path, drawn: list[bytes]) -> None:
    content = gzip.compress(pack(tmp_path / "x.tar", {"0.png": drawn[0]}).read_bytes())
    for name in ("a.tar", "a.tar.gz", "set/a.tgz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
        for images in {tmp_path / name, (tmp_path / name).parent} - {tmp_path}:
            with pytest.raises(AuditError, match=r"is compressed.*Decompress it"):
                rows(images)
    (tmp_path / "set" / "0.png").write_bytes(drawn[0])  # unpacked, and the archive left beside it
    assert read_all(rows(tmp_path / "set")) == drawn[:1]


def test_what_holds_no_images(tmp_path: Path) -> None:
    (tmp_path / "empty.tar").write_bytes(b"")
    (tmp_path / "text.tar").write_bytes(b"<html>404</html>" * 100)
    for name in ("empty", "text"):
        with pytest.raises(AuditError, match=f"{name}.tar is no tar archive"):
            rows(tmp_path / f"{name}.tar")
    for members in ({}, {"readme.txt": b"x", "0.cls": b"1"}):
        with pytest.raises(AuditError, match="no image found"):
            rows(pack(tmp_path / "x.tar", members))


def test_an_archive_that_was_written_anew(tmp_path: Path, drawn: list[bytes]) -> None:
    file = pack(tmp_path / "x.tar", {"0.png": drawn[0], "1.png": drawn[1]})
    found = rows(file)
    pack(file, {"0.png": drawn[1], "1.png": drawn[0]})
    told = read_all(found)
    assert drawn[0] not in told[:1] and drawn[1] not in told[1:]
    assert all("changed since it was listed" in text for text in told)
    assert rows(file)[0]["content_key"] != found[0]["content_key"]


@pytest.mark.parametrize(
    "address", ["#0+10/x.png", "#99999999999+10/x.png", "#512+999999999999999999/x.png", "#512+7/x"]
)
def test_an_address_that_a_manifest_made_up(
    tmp_path: Path, drawn: list[bytes], address: str
) -> None:
    file = pack(tmp_path / "x.tar", {"0.png": drawn[0]})
    (tmp_path / "m.csv").write_text(f"uri\nx.tar{address}\n")
    (row,) = rows(tmp_path / "m.csv")
    assert row["uri"] == f"{file}{address}"
    with pytest.raises(UnreadableImage, match="the archive"):
        ImageSource().read(row["uri"])
