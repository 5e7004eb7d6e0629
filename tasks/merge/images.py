"""What the first pass says of each image, in one row of one table."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.tables.background_schemas import BACKGROUND
from tasks.tables.completion import remove_added
from tasks.tables.image_schema import COUNTED_ROLES, IMAGES, MAP_NUMBERS
from tasks.tables.schemas import PREDICTIONS
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import table_writer

_ANSWERS = [name for name in IMAGES.names if name in PREDICTIONS.names]
_TABLES = {"predictions": _ANSWERS, "background": None, "manifest": ["image_id", "uri"]}
_MAPS = ["image_id", "role", *MAP_NUMBERS]
_ROWS_AT_ONCE = 2**16


def merge_images(run: RunFolder, shards: int) -> None:
    """Write `images` from all shards, a few in memory. What was set aside of earlier ones goes."""
    remove_added(run, "shown")
    waiting: list[pa.Table] = []
    with table_writer(run.table_file("images"), IMAGES) as writer:
        for shard in range(shards):
            waiting.append(_rows_of_shard(run, shard))
            if shard == shards - 1 or sum(map(len, waiting)) >= _ROWS_AT_ONCE:
                writer.write_table(pa.concat_tables(waiting))
                waiting = []


def _rows_of_shard(run: RunFolder, shard: int) -> pa.Table:
    predictions, background, manifest = (
        pq.read_table(run.table_file(name, shard), columns=columns)
        for name, columns in _TABLES.items()
    )
    chosen = [("method", "=", run.first_method())]
    maps = pq.read_table(run.table_file("heatmaps", shard), columns=_MAPS, filters=chosen)
    return image_rows(predictions, maps, background, manifest)


def image_rows(
    predictions: pa.Table, maps: pa.Table, background: pa.Table, manifest: pa.Table
) -> pa.Table:
    """A table of schema IMAGES: a row for each of `predictions`, in its order.

    maps : rows of `heatmaps` of one method; background, manifest : of these tables
    """
    columns = {name: predictions[name] for name in _ANSWERS}
    for role in COUNTED_ROLES:
        own = maps.filter(pc.equal(maps["role"], role))
        place = pc.index_in(predictions["image_id"], own["image_id"])
        columns |= {f"{role}_{name}": own[name].take(place) for name in MAP_NUMBERS}
    scores = [name for name in BACKGROUND.names if name != "image_id"]
    for table, names in ((background, scores), (manifest, ["uri"])):
        place = pc.index_in(predictions["image_id"], table["image_id"])
        columns |= {name: table[name].take(place) for name in names}
    return pa.table(columns, schema=IMAGES)
