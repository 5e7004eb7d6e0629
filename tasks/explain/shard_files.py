"""The tables that the first pass writes of a shard."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from cam_kernels.first_pass import CELL_DIMENSIONS
from tasks.tables.background_schemas import BACKGROUND, cells_schema
from tasks.tables.localization_schemas import LOCALIZATION, PIXEL_COUNTS
from tasks.tables.schemas import FAILURES, PREDICTIONS, features_schema, heatmaps_schema
from tasks.tables.storage import RunFolder
from tasks.tables.unit_schemas import peaks_schema
from tasks.tables.whole_files import write_table

# Tables that the merge takes in, and the folder of each.
_PARTIALS = {"peaks": "peaks", "localization_pixels": "localization"}


def write_shard_tables(
    run: RunFolder, shard: int, model: dict[str, Any], tables: dict[str, pa.Table]
) -> list[Path]:
    """Write every table of a shard, without rows where it is not given.

    model : what audit.json says of it

    Returns: the files.
    """
    files = []
    for name, schema in shard_schemas(model).items():
        folder = _PARTIALS.get(name)
        file = run.partial_file(folder, shard) if folder else run.table_file(name, shard)
        write_table(file, tables.get(name, schema.empty_table()))
        files.append(file)
    return files


def shard_schemas(model: dict[str, Any]) -> dict[str, pa.Schema]:
    """Schemas of all that the first pass writes of a shard.

    model : what audit.json says of it
    """
    return {
        "predictions": PREDICTIONS,
        **grid_schemas(model),
        "localization": LOCALIZATION,
        "localization_pixels": PIXEL_COUNTS,
        "failures": FAILURES,
    }


def grid_schemas(model: dict[str, Any]) -> dict[str, pa.Schema]:
    """Schemas of the tables whose columns depend on the layers.

    model : what audit.json says of it
    """
    channels, cells = model["channels"], model["rows"] * model["cols"]
    units = sum(layer["channels"] for layer in model["unit_layers"])
    largest = max(layer["rows"] * layer["cols"] for layer in model["unit_layers"])
    return {
        "heatmaps": heatmaps_schema(cells),
        "features": features_schema(channels),
        "background": BACKGROUND,
        "cells": cells_schema(cells, CELL_DIMENSIONS),
        "peaks": peaks_schema(units, channels, largest),
    }
