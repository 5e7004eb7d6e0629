"""The report of one audit: a folder of static pages, drawn only from the stored tables."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from reports.background.background_pages import Links, write_background_pages
from reports.background.findings import show_findings
from reports.background.patterns import patterns_by_class
from reports.background.strip_pages import strip_links
from reports.background.verdicts import verdict_marks
from reports.cases import cases_by_id
from reports.class_pages import write_class_pages
from reports.class_summaries import summarise_classes
from reports.colour_scale import choose_scales
from reports.differences_page import write_differences_page
from reports.explorer.explorer_page import (
    BegunMaps,
    begin_explorer,
    begin_maps,
    begin_thumbnails,
    write_explorer,
)
from reports.faithfulness.faithfulness_page import write_faithfulness_page
from reports.folder_swap import replaced_folder
from reports.kept_memory import kept_memory
from reports.limits_page import all_limits, write_limits_page
from reports.localization.localization_page import write_localization_page
from reports.mistake_pages import case_links, find_shown_pairs, write_mistake_pages
from reports.overview_page import write_overview
from reports.patterns.begun_patterns import begin_patterns
from reports.patterns.write_patterns import write_patterns
from reports.pictures import draw_pictures, with_maps
from reports.shown.choice import choose_images
from reports.shown.shown_images import ShownRows, ids_set_aside, shown_tables
from reports.site import Site
from reports.spread import IMAGES_PER_PICTURE, ended_on_failure, start_processes
from reports.stored_maps import fetch_maps
from reports.tables import AuditTables, load_tables
from reports.unread_page import write_unread_page
from tasks.tables.storage import RunFolder


def build_report(run_folder: Path) -> Path:
    """Write RUN/report and return the path of its index.html.

    The report appears whole; an earlier one stays until then. It opens from disk, with no
    server and no network. Source images are read again for their pictures; where one cannot
    be read any more, its maps stand alone.

    Raises: AuditError for a folder that is no audit, and for an audit that has not finished.
    """
    run = RunFolder(run_folder)
    images = run.dataset("images").count_rows() if run.is_written("images") else 0
    with _uncollected(), kept_memory():
        start_processes("reports.pictures", images // IMAGES_PER_PICTURE)
        run.audit()  # no folder is made where there is none
        with replaced_folder(run.report_file.parent) as folder, ended_on_failure():
            maps = begin_maps(ShownRows(run.root), ids_set_aside(run), folder)
            _write_pages(load_tables(run), maps, folder)
    return run.report_file


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without a search for cycles, of which pages make few: it walks all that torch has loaded,
    again and again, a tenth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _write_pages(tables: AuditTables, likely: BegunMaps | None, folder: Path) -> None:
    scales, choice = choose_scales(tables), choose_images(tables)
    pairs, exemplars, chosen = choice.pairs, choice.exemplars, choice.background
    strips, links = strip_links(chosen.strips, chosen.leaning), case_links(exemplars.mistakes)
    of_shown = shown_tables(tables, choice.image_ids)
    tables = replace(tables, run=of_shown.run)  # all that pages read of single images
    drawn = draw_pictures(tables, {image_id for image_id, _ in choice.picture_keys}, folder)
    pages_of = {"strip": strips, "case": links}
    explorer = begin_explorer(of_shown, folder, pages_of, likely)
    maps = fetch_maps(tables.run, choice.map_keys)
    begun = begin_patterns(tables, choice.regions, maps, folder)
    classes = summarise_classes(tables, scales.mean)
    cases = cases_by_id(tables, with_maps(tables, drawn, choice.picture_keys, maps, scales))
    mistakes = [cases[image_id] for image_id in exemplars.mistakes]
    confident = [cases[image_id] for image_id in exemplars.confident]
    shown = find_shown_pairs(mistakes)
    hrefs = {key: pair.href for key, pair in shown.items()}
    pages = Links(strips, links, hrefs)
    marks = verdict_marks(tables.background, exemplars.mistakes, strips)
    findings = show_findings(tables.background, chosen.findings, cases, pages.any)
    limits = all_limits(tables)

    site = Site(tables, scales, folder)
    site.write_assets()
    write_overview(site, tables, classes, pairs, confident, shown, findings, limits)
    patterns = patterns_by_class(tables, chosen.patterns, cases)
    write_class_pages(site, classes, pairs, exemplars, cases, shown, patterns, set(begun.classes))
    total = int(tables.images["mistake"].sum())
    write_mistake_pages(site, mistakes, shown, pairs, total, marks)
    write_background_pages(site, tables, chosen, cases, findings, pages)
    thumbnails = begin_thumbnails(explorer, folder)
    write_patterns(site, tables, scales.mean, classes, begun, patterns)
    write_localization_page(site, tables, choice.localized, cases)
    write_faithfulness_page(site, tables.faithfulness)
    write_differences_page(site, tables.run)
    write_limits_page(site, limits, tables.run)
    write_unread_page(site, tables)
    write_explorer(site, scales, explorer, thumbnails, len(tables.images))
    site.finish()
