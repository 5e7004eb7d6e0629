"""From the peaks of all shards to the tables of units, one shard in memory at a time.

What grows with the dataset are 60 bytes per image. What grows with units x classes is held for as
many units at once as `MOST_BYTES` allows: 2,048 units x 1,000 classes x 9 images take 200 MB, and
one reading of the shards. Nothing depends on how the images are cut into shards.
"""

import pyarrow as pa

from tasks.mining.class_numbers import class_numbers
from tasks.mining.layers import mined_layers
from tasks.mining.ranked_units import write_ranked_units
from tasks.mining.shard_peaks import ShardPeaks, read_images
from tasks.mining.unit_classes import unit_classes
from tasks.mining.unit_statistics import layer_stats, peak_stats, unit_stats
from tasks.mining.unit_tables import UnitRows
from tasks.tables.storage import RunFolder
from tasks.tables.unit_schemas import NEAR_DUPLICATES
from tasks.tables.whole_files import write_table

MOST_BYTES = 512 * 2**20


def mine_units(run: RunFolder, shards: int) -> None:
    """Write `near_duplicates`, `units`, `units_least`, `unit_stats`, `layer_stats` and
    `unit_classes` from the peaks of all shards."""
    facts = run.audit()
    layers = mined_layers(facts["model"])
    images = read_images(run, shards)
    peaks = ShardPeaks(run, shards, images)
    left_out = ~images.first
    pairs = [images.image_id[left_out], images.representative[left_out]]
    write_table(run.table_file("near_duplicates"), pa.table(pairs, schema=NEAR_DUPLICATES))
    rows = UnitRows(images, layers, **{k: facts["preprocessing"][k] for k in ("resize", "crop")})
    write_ranked_units(peaks, rows, layers, facts["config"]["unit_top_k"], MOST_BYTES)
    stats = peak_stats(peaks, layers)
    write_table(run.table_file("unit_stats"), unit_stats(peaks, layers, stats))
    write_table(run.table_file("layer_stats"), layer_stats(layers, stats))
    numbers = class_numbers(peaks, layers, stats, MOST_BYTES)
    write_table(run.table_file("unit_classes"), unit_classes(numbers, layers))
