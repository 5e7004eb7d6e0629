"""The strongest and the weakest images of every unit: `units` and `units_least`."""

from contextlib import ExitStack

import numpy as np

from tasks.mining.layers import MinedLayer, unit_chunks
from tasks.mining.shard_peaks import ShardPeaks
from tasks.mining.strongest_images import StrongestImages, ranking_keys
from tasks.mining.unit_tables import UnitRows
from tasks.tables.unit_schemas import UNITS
from tasks.tables.whole_files import table_writer


def write_ranked_units(
    peaks: ShardPeaks, rows: UnitRows, layers: list[MinedLayer], top_k: int, most_bytes: int
) -> None:
    """Write `units`: for all images and for those of each class, the `top_k` that excite each
    unit most; and `units_least`: over all images, those that excite it least.

    Of near-duplicates only the first takes a place; in a class, the first of that class.

    most_bytes : what the running lists may take; beyond it the shards are read again for further
        units
    """
    images = peaks.images
    top_k = max(1, min(top_k, len(images.image_id)))
    classes = np.concatenate([[-1], images.classes])
    per_unit = StrongestImages.bytes_per_unit(len(classes) + 1, top_k, peaks.cell_type)
    with ExitStack() as files:
        most, least = (
            files.enter_context(table_writer(peaks.run.table_file(name), UNITS))
            for name in ("units", "units_least")
        )
        for units in unit_chunks(layers[-1].stop, per_unit, most_bytes):
            strongest, weakest = _ranked(peaks, units, top_k)
            for table in rows.tables(strongest, classes, units):
                most.write_table(table)
            for table in rows.tables(weakest, classes[:1], units, negated=True):
                least.write_table(table)


def _ranked(peaks: ShardPeaks, units: slice, top_k: int) -> tuple[StrongestImages, StrongestImages]:
    """Of a run of units, by class (all images first), and the weakest, whose activations are
    negated."""
    images = peaks.images
    width = units.stop - units.start
    strongest = StrongestImages(len(images.classes) + 1, width, top_k, peaks.cell_type)
    weakest = StrongestImages(1, width, top_k, peaks.cell_type)
    for shard in peaks.shards("activation", "cell"):
        activation, cells = (column[:, units] for column in shard.columns)
        keys = ranking_keys(activation, shard.image_id)
        first = images.first[shard.places]
        strongest.update(0, keys[first], cells[first])
        weakest.update(0, ranking_keys(-activation, shard.image_id)[first], cells[first])
        in_class = images.first_of_class[shard.places] & (shard.group >= 0)
        for group in np.unique(shard.group[in_class]).tolist():
            members = in_class & (shard.group == group)
            strongest.update(group + 1, keys[members], cells[members])
    strongest.compute()
    weakest.compute()
    return strongest, weakest
