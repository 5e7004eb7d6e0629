"""Many files by one pattern."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import AuditError
from tasks.index.shard_pattern import expand_braces
from tests.tasks.packed_images import pack, pictures, read_all, rows


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("x.tar", "x.tar"),
        ("x-{0..2}.tar", "x-0.tar x-1.tar x-2.tar"),
        ("{009..011}", "009 010 011"),
        ("{9..10}", "9 10"),
        ("{a,b}/{1..2}", "a/1 a/2 b/1 b/2"),
        ("{a,}{x}", "ax x"),
        ("{0..00}", "00"),
        ("{a..c}", "a..c"),
    ],
)
def test_braces_as_bash_has_them_but_for_one_choice(pattern: str, expected: str) -> None:
    assert expand_braces(pattern) == expected.split()


@pytest.mark.parametrize("pattern", ["{3..1}", "{0..99999999}", "{0..9999}{0..999}"])
def test_braces_that_cannot_be_meant(pattern: str) -> None:
    with pytest.raises(AuditError, match=r"counts down|more than 1,000,000 files"):
        expand_braces(pattern)


@pytest.fixture
def shards(tmp_path: Path) -> tuple[Path, list[bytes]]:
    drawn = pictures(tmp_path / "drawn", 12)
    for i, picture in enumerate(drawn):
        pack(tmp_path / "set" / f"s-{i:03d}.tar", {"0.png": picture})
    return tmp_path / "set", drawn


def test_ranges_and_wildcards(shards: tuple[Path, list[bytes]]) -> None:
    folder, drawn = shards
    assert read_all(rows(f"{folder}/s-{{008..011}}.tar")) == drawn[8:]
    assert read_all(rows(f"{folder}/s-00[24]*.tar")) == [drawn[2], drawn[4]]
    assert read_all(rows(f"{folder}/s-{{011,00?}}.tar")) == [drawn[11], *drawn[:10]]
    assert read_all(rows(folder)) == drawn


def test_a_shard_that_is_missing(shards: tuple[Path, list[bytes]]) -> None:
    with pytest.raises(AuditError, match=r"s-012.tar does not exist, one of the files"):
        rows(f"{shards[0]}/s-{{000..012}}.tar")
    with pytest.raises(AuditError, match="do not exist"):
        rows(f"{shards[0]}/t-*.tar")


def test_a_path_with_braces_in_its_own_name(tmp_path: Path) -> None:
    drawn = pictures(tmp_path / "drawn", 1)
    assert read_all(rows(pack(tmp_path / "{0..1}" / "x[0].tar", {"0.png": drawn[0]}))) == drawn


def test_parquet_by_a_pattern_and_both_kinds(shards: tuple[Path, list[bytes]]) -> None:
    folder, drawn = shards
    for i in (0, 1):
        table = pa.table({"image": drawn[6 * i : 6 * i + 6], "label": [0, 1, 2] * 2})
        pq.write_table(table, folder / f"train-{i}.parquet")
    found = rows(f"{folder}/train-*.parquet")
    assert read_all(found) == drawn and [row["label"] for row in found] == [0, 1, 2] * 4
    for images in (folder, f"{folder}/*"):
        with pytest.raises(AuditError, match="Parquet files or tar archives, got both"):
            rows(images)
    with pytest.raises(AuditError, match=r"a pattern of .tar or .parquet"):
        rows(f"{folder}/../drawn/*.png")
