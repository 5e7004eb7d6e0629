"""An explorer that leaves images out: which it keeps, and that it says the same of them."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from reports.build import build_report
from reports.explorer.detail_files import write_detail_files
from reports.explorer.image_rows import collect_rows
from reports.explorer.map_files import write_map_files
from reports.shown.shown_images import shown_tables
from reports.tables import load_tables
from tasks.tables.storage import RunFolder
from tests.reports.explorer_numbers import read_script, show_few, write_explored_run

LINKED = {3, 17, 29}
# Of an image they name other rows, whose places differ.
PLACES = {"neighbours", "similarities", "change_donor"}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    return RunFolder(write_explored_run(tmp_path_factory.mktemp("many")).folder)


def images_of_second_pass(run: RunFolder) -> set[int]:
    rows = run.dataset("evidence").to_table(columns=["image_id", "donor_id"]).to_pylist()
    return {row[name] for row in rows for name in row} - {None}


def test_linked_images_come_first_then_mistakes_by_loss(run):
    tables = replace(load_tables(run), background=None)
    rows = tables.images.to_dict("records")
    mistakes = [row for row in rows if row["mistake"] and row["image_id"] not in LINKED]
    mistakes.sort(key=lambda row: -row["loss"])
    assert len(mistakes) > 3
    for more in (0, 1, len(mistakes)):
        kept = shown_tables(tables, LINKED, len(LINKED) + more).images["image_id"]
        assert kept.tolist() == sorted(LINKED | {row["image_id"] for row in mistakes[:more]})


def test_images_of_the_second_pass_are_as_good_as_linked(run):
    tables = load_tables(run)
    first = images_of_second_pass(run) & set(tables.images["image_id"])
    assert 3 < len(first) < len(tables.images)
    kept = shown_tables(tables, set(), len(first)).images["image_id"]
    assert kept.tolist() == sorted(first)


def test_right_answers_are_drawn_by_their_ids(run):
    tables = load_tables(run)
    more = [set(shown_tables(tables, LINKED, n).images["image_id"]) for n in range(1, 40)]
    assert [len(kept) for kept in more] == [max(n, len(LINKED)) for n in range(1, 40)]
    assert all(few <= many for few, many in pairwise(more))


def test_of_few_images_all_are_shown(run):
    tables = load_tables(run)
    assert shown_tables(tables, set(), len(tables.images)) is tables


def files_of(run: RunFolder, most: int, folder) -> dict[int, dict]:
    """What the explorer says of each image."""
    tables = shown_tables(load_tables(run), LINKED, most)
    ids = tables.images["image_id"].tolist()
    rows = collect_rows(tables)
    write_map_files(tables.run, tables.images["image_id"].to_numpy(), folder)
    write_detail_files(tables, folder, {"case": {17: "mistakes-1.html#17"}})
    parts = [
        rows.table.to_pylist(),
        read_script(folder / "maps-0.js")[1].to_pylist(),
        read_script(folder / "details-0.js")[1].to_pylist(),
    ]
    values = zip(ids, *parts, strict=True)
    said = {}
    for image_id, row, maps, details in values:
        tags = {name: own[row[f"tag_{i}"]] for i, (name, own) in enumerate(rows.tags.items())
                if row[f"tag_{i}"] >= 0}  # fmt: skip
        plain = {k: v for k, v in {**row, **maps, **details}.items() if not k.startswith("tag_")}
        said[image_id] = {k: v for k, v in plain.items() if k not in PLACES} | {"tags": tags}
    return said


def test_what_is_shown_is_what_all_images_would_show(run, tmp_path):
    whole, part = files_of(run, 40, tmp_path / "whole"), files_of(run, 30, tmp_path / "part")
    assert len(part) == 30
    for image_id, said in part.items():
        np.testing.assert_equal(said, whole[image_id])  # NaN equals NaN


def test_the_page_says_what_it_leaves_out(run, monkeypatch):
    show_few(monkeypatch, 35)
    audited = len(load_tables(run).images)
    report = build_report(run.root).parent
    assert read_script(report / "explorer" / "rows.js")[1].num_rows == 35
    assert f"35 of {audited} audited images" in (report / "images.html").read_text()
