"""Numbers and shards of images over many audits, held against a restatement with dictionaries."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.errors import AuditError
from tasks.index.layout import Layout, lay_out
from tasks.tables.schemas import MANIFEST
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_table

SIZE = 3
# What each audit lists: uris by one letter, some of them twice.
LISTINGS = st.lists(st.lists(st.sampled_from("abcdefghijkl"), min_size=1), min_size=1, max_size=5)


def listed(uris: list[str]) -> pa.Table:
    empty = dict.fromkeys(MANIFEST.names, [None] * len(uris))
    return pa.table({**empty, "image_id": list(range(len(uris))), "uri": uris}, schema=MANIFEST)


def store(root: Path, layout: Layout) -> RunFolder:
    run, stops = RunFolder(root), [*layout.starts[1:], len(layout.manifest)]
    for shard, (start, stop) in enumerate(zip(layout.starts, stops, strict=True)):
        rows = layout.manifest.slice(start, stop - start)
        write_table(run.table_file("manifest", shard), rows)
    return run


def shards_of(layout: Layout) -> list[list[tuple[int, str]]]:
    rows = list(zip(*(layout.manifest[n].to_pylist() for n in ("image_id", "uri")), strict=True))
    stops = [*layout.starts[1:], len(rows)]
    return [rows[start:stop] for start, stop in zip(layout.starts, stops, strict=True)]


def anew(uris: list[str]) -> list[list[tuple[int, str]]]:
    rows = list(enumerate(uris))
    return [rows[start : start + SIZE] for start in range(0, len(rows), SIZE)]


def restated(uris: list[str], before: list[list[tuple[int, str]]]) -> list[list[tuple[int, str]]]:
    """One image after the other: it takes the place of the first of its uri that is left."""
    places = [(image, shard) for shard, images in enumerate(before) for image in images]
    shards: list[list[tuple[int, str]]] = [[] for _ in before]
    new = []
    for uri in uris:
        own = [place for place in places if place[0][1] == uri]
        if own:
            places.remove(own[0])
            shards[own[0][1]].append(own[0][0])
        else:
            new.append(uri)
    shards = [sorted(images) for images in shards if images]
    number = max(image_id for images in before for image_id, _ in images) + 1
    for uri in new:
        if not shards or len(shards[-1]) >= SIZE:
            shards.append([])
        shards[-1].append((number, uri))
        number += 1
    return anew(uris) if len(shards) > 2 * len(anew(uris)) else shards


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(LISTINGS)
def test_numbers_and_shards_stay_over_many_audits(
    tmp_path_factory: pytest.TempPathFactory, listings: list[list[str]]
) -> None:
    layout = lay_out(listed(listings[0]), SIZE)
    expected = anew(listings[0])
    assert shards_of(layout) == expected
    for uris in listings[1:]:
        earlier = store(tmp_path_factory.mktemp("run"), layout)
        layout = lay_out(listed(uris), SIZE, earlier)
        expected = restated(uris, expected)
        assert shards_of(layout) == expected
        assert layout.manifest.schema == MANIFEST


def test_an_earlier_run_without_a_manifest_is_no_reason_to_stop(tmp_path: Path) -> None:
    layout = lay_out(listed(list("abcd")), SIZE, RunFolder(tmp_path))
    assert shards_of(layout) == anew(list("abcd"))


def test_a_damaged_manifest_of_the_earlier_run_is_one_error(tmp_path: Path) -> None:
    file = RunFolder(tmp_path).table_file("manifest", 0)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no parquet")
    with pytest.raises(AuditError, match=r"cannot be read.*--previous"):
        lay_out(listed(["a"]), SIZE, RunFolder(tmp_path))
