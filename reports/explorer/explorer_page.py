"""images.html: every audited image, to be filtered, sorted, looked at and exported."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reports.background.background_words import VERDICTS as VERDICT_WORDS
from reports.colour_scale import Scales
from reports.explorer.change_lists import change_words
from reports.explorer.detail_files import IMAGES_PER_FILE as DETAILS_PER_FILE
from reports.explorer.detail_files import write_detail_files
from reports.explorer.image_rows import QUANTITIES, ImageRows, collect_rows
from reports.explorer.links import PAGE
from reports.explorer.map_files import IMAGES_PER_FILE as MAPS_PER_FILE
from reports.explorer.map_files import write_map_files
from reports.explorer.script_files import smallest_integers, write_script
from reports.explorer.thumbnails import draw_thumbnails, stored_pictures
from reports.site import Site
from reports.spread import IMAGES_PER_PICTURE, begin
from reports.tables import AuditTables
from tasks.statistics.seeded_hash import Ids
from tasks.tables.background_schemas import VERDICTS
from tasks.tables.storage import RunFolder

FOLDER = "explorer"


@dataclass(frozen=True)
class BegunMaps:
    """grid : waits for the files of maps; rows and columns of a map"""

    image_ids: Ids
    grid: Callable[[], tuple[int, int]]


@dataclass(frozen=True)
class BegunExplorer:
    """tables : of the images shown
    rows : waits for `collect_rows`
    grid : of BegunMaps; 0 and 0 without images
    details : waits for the files of details
    """

    tables: AuditTables
    rows: Callable[[], ImageRows]
    grid: Callable[[], tuple[int, int]]
    details: Callable[[], None]


def begin_maps(run: RunFolder, image_ids: Ids, report: Path) -> BegunMaps | None:
    """Begin the files of the maps of images; None where there are no images.

    image_ids : ascending
    """
    if not len(image_ids):
        return None
    work = partial(write_map_files, run, image_ids, report / FOLDER)
    return BegunMaps(image_ids, begin(work, len(image_ids) // IMAGES_PER_PICTURE))


def begin_explorer(
    shown: AuditTables, report: Path, links: dict[str, dict[int, str]], early: BegunMaps | None
) -> BegunExplorer:
    """Begin the data of images.html, all but its pictures.

    shown : tables of the images shown; links : pages by image_id, by `strip` and `case`
    early : maps of images that were likely to be shown
    """
    folder, size = report / FOLDER, len(shown.images) // IMAGES_PER_PICTURE
    ids = shown.images["image_id"].to_numpy(np.int64)
    if early is not None and not np.array_equal(early.image_ids, ids):
        early.grid()  # or it would write the same files
        early = None
    maps = early or begin_maps(shown.run, ids, report)
    return BegunExplorer(
        tables=shown,
        rows=begin(partial(collect_rows, shown), size),
        grid=maps.grid if maps else lambda: (0, 0),
        details=begin(partial(write_detail_files, shown, folder, links), size),
    )


def begin_thumbnails(begun: BegunExplorer, report: Path) -> Iterator[tuple[int, str]]:
    """Begin to draw pictures, once all are that other pages show."""
    return draw_thumbnails(begun.tables, begun.rows().uris, report)


def write_explorer(
    site: Site,
    scales: Scales,
    begun: BegunExplorer,
    thumbnails: Iterator[tuple[int, str]],
    audited: int,
) -> None:
    """Write images.html with its data.

    audited : all images, of which some may be left out
    """
    tables, rows, folder = begun.tables, begun.rows(), site.folder / FOLDER
    pictures = dict(thumbnails) | stored_pictures(site.folder)
    begun.details()
    ids = tables.images["image_id"]
    facts = _facts(tables, scales, rows, begun.grid())
    write_script(folder, "rows", rows.table, **facts)
    write_script(folder, "names", _names(rows.uris, ids.map(pictures)))
    site.write(
        PAGE,
        "images.html",
        images=len(ids),
        audited=audited,
        pictured=len(pictures),
        quantities={
            name: text for name, text in QUANTITIES.items() if name in rows.table.schema.names
        },
        tags=list(rows.tags),
        has_verdicts=tables.background is not None,
        has_explanations=bool(rows.clusters),
        has_contexts=bool(rows.contexts),
    )


def _names(uris: list[str], pictures: "pd.Series[str]") -> pa.Table:
    """Each uri as a folder, most of which hold many images, and a name; and the stored picture."""
    paths = pa.array(uris, pa.string())
    folders = pc.replace_substring_regex(paths, r"[^/]*$", "").dictionary_encode()
    places = smallest_integers(folders.indices.to_numpy())
    return pa.table(
        {
            "folder": pa.DictionaryArray.from_arrays(places, folders.dictionary),
            "name": pc.replace_substring_regex(paths, r"(?s)^.*/", ""),
            "picture": pa.array(pictures.where(pictures.notna(), None), pa.string()),
        }
    )


def _facts(
    tables: AuditTables, scales: Scales, rows: ImageRows, grid: tuple[int, int]
) -> dict[str, Any]:
    resize, crop = tables.crop
    shown = [*tables.images["label"], *tables.images["predicted"]]
    known = len(tables.audit.get("classes") or [])
    return {
        "classes": [tables.class_name(i) for i in range(max([known, *(i + 1 for i in shown)]))],
        "classPages": sorted({int(i) for i in shown if i >= 0}),
        "tags": rows.tags,
        "clusters": rows.clusters,
        "contexts": rows.contexts,
        "quantities": QUANTITIES,
        "verdicts": [
            {"name": name, "title": words.title, "mark": words.mark}
            | {"tested": words.tested, "untested": words.untested}
            for name, words in ((name, VERDICT_WORDS[name]) for name in VERDICTS)
        ],
        "changes": change_words(),
        "view": {"resize": resize, "crop": crop},
        "grid": grid,
        "mapsPerFile": MAPS_PER_FILE,
        "detailsPerFile": DETAILS_PER_FILE,
        "units": tables.units is not None,
        "scales": {"positive": scales.positive.limit, "signed": scales.contrast.limit},
    }
