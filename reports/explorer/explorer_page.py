"""images.html: every audited image, to be filtered, sorted, looked at and exported."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from reports.background.background_words import VERDICTS as VERDICT_WORDS
from reports.colour_scale import Scales
from reports.explorer.detail_files import IMAGES_PER_FILE as DETAILS_PER_FILE
from reports.explorer.detail_files import change_words, write_detail_files
from reports.explorer.image_rows import QUANTITIES, ImageRows, collect_rows, read_manifest
from reports.explorer.links import PAGE
from reports.explorer.map_files import IMAGES_PER_FILE as MAPS_PER_FILE
from reports.explorer.map_files import write_map_files
from reports.explorer.script_files import smallest_integers, write_script
from reports.explorer.shown_images import shown_tables
from reports.explorer.thumbnails import draw_thumbnails, stored_pictures
from reports.site import Site
from reports.tables import AuditTables
from tasks.tables.background_schemas import VERDICTS

FOLDER = "explorer"


def write_explorer(
    site: Site, tables: AuditTables, scales: Scales, links: dict[str, dict[int, str]]
) -> None:
    """Write images.html with its data; the last of the report's pages, since it links to others.

    links : pages by image_id, by `strip` and `case`
    """
    folder = site.folder / FOLDER
    audited = len(tables.predictions)
    linked = set(stored_pictures(site.folder)).union(*links.values())
    tables = shown_tables(tables, linked)
    rows = collect_rows(tables)
    uris = read_manifest(tables)["uri"]
    thumbnails = draw_thumbnails(tables, uris, site.folder)
    grid = write_map_files(tables, folder)
    write_detail_files(tables, folder, site.folder, links)
    pictures = dict(thumbnails) | stored_pictures(site.folder)
    ids = tables.predictions["image_id"]
    write_script(folder, "rows", rows.table, **_facts(tables, scales, rows, grid))
    write_script(folder, "names", _names(uris.reindex(ids), ids.map(pictures)))
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


def _names(uris: "pd.Series[str]", pictures: "pd.Series[str]") -> pa.Table:
    """Each uri as a folder, most of which hold many images, and a name; and the stored picture."""
    parts = [str(uri).rpartition("/") for uri in uris]
    folders, values = pd.factorize(
        np.array([head + slash for head, slash, _ in parts], dtype=object)
    )
    folder = pa.DictionaryArray.from_arrays(
        smallest_integers(folders), pa.array(values, pa.string())
    )
    return pa.table(
        {
            "folder": folder,
            "name": pa.array([name for _, _, name in parts], pa.string()),
            "picture": pa.array(pictures.where(pictures.notna(), None), pa.string()),
        }
    )


def _facts(
    tables: AuditTables, scales: Scales, rows: ImageRows, grid: tuple[int, int]
) -> dict[str, Any]:
    resize, crop = tables.crop
    shown = [*tables.predictions["label"], *tables.predictions["predicted"]]
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
