"""Rows set aside for the report of an audit of very many images: the report says the same."""

import shutil
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from reports.build import build_report
from reports.shown import shown_images
from reports.shown.choice import choose_images
from reports.shown.shown_images import shown_tables
from reports.shown.write_shown import write_shown
from reports.tables import load_tables
from tasks.merge.images import merge_images
from tasks.tables.completion import added_facts
from tasks.tables.storage import RunFolder
from tasks.tables.table_names import ADDED_TABLES
from tasks.tables.whole_files import write_table
from tests.reports.explorer_numbers import show_few, write_explored_run

MOST = 35


@pytest.fixture
def run(tmp_path: Path, monkeypatch) -> RunFolder:
    show_few(monkeypatch, MOST)
    return RunFolder(write_explored_run(tmp_path).folder)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def tables_set_aside(run: RunFolder) -> list[str]:
    return [name for name in ADDED_TABLES["shown"] if run.is_written(name)]


def test_the_report_is_the_same_and_reads_no_shard(run):
    from_shards = files_of(build_report(run.root).parent)
    write_shown(run, [])
    for name in ("heatmaps", "features", "predictions"):
        shutil.rmtree(run.root / "tables" / name)
    set_aside = files_of(build_report(run.root).parent)
    assert len(from_shards) > 50
    assert set_aside.keys() == from_shards.keys()
    assert [name for name in set_aside if set_aside[name] != from_shards[name]] == []


def test_an_image_on_a_page_that_was_not_set_aside_is_read_from_its_shard(run):
    write_shown(run, [])
    tables = load_tables(run)
    linked = choose_images(tables).image_ids
    kept = shown_tables(tables, linked)
    assert set(kept.images["image_id"]) >= linked
    assert kept.run.dataset("manifest").count_rows() == MOST
    other = next(i for i in tables.images["image_id"] if i not in set(kept.images["image_id"]))
    chosen = shown_tables(tables, {*linked, other})
    assert other in set(chosen.images["image_id"])
    assert chosen.run is tables.run


def test_maps_begun_of_other_images_than_are_shown(run):
    """Before the tables are read, the maps of the images set aside are begun."""
    from_shards = files_of(build_report(run.root).parent)
    linked = min(choose_images(load_tables(run)).image_ids)
    write_shown(run, [])
    for name in tables_set_aside(run):
        table = pq.read_table(run.table_file(name))
        write_table(run.table_file(name), table.filter(pc.field("image_id") != linked))
    again = files_of(build_report(run.root).parent)
    assert again.keys() == from_shards.keys()
    assert [name for name in again if again[name] != from_shards[name]] == []


def test_nothing_is_set_aside_of_few_images(run, monkeypatch):
    write_shown(run, [])
    assert tables_set_aside(run) == list(ADDED_TABLES["shown"])
    monkeypatch.setattr(shown_images, "MOST_IMAGES", 40)
    write_shown(run, [])
    assert tables_set_aside(run) == []
    assert added_facts(run, "shown") is None


def test_a_merge_takes_away_what_was_set_aside_of_the_last_one(run):
    write_shown(run, [])
    merge_images(run, 0)
    assert tables_set_aside(run) == []
    assert added_facts(run, "shown") is None
