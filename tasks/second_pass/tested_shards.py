"""The second pass in shards, those of an earlier audit kept where nothing in them has changed."""

import hashlib
import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.tables.identity import shard_identity
from tasks.tables.shards import Shard
from tasks.tables.storage import RunFolder, shard_of

DONOR_LISTS = ("donors_predicted", "donors_against", "donors_other")
# What the rows of `evidence` depend on. How likely an image came into the sample is not among it:
# that changes for all with every image of the dataset.
_DECIDING = ("image_id", "predicted", "against_idx", *DONOR_LISTS, "keep_pictures")


class ShardKeys:
    """What tells a shard of the second pass from any other: audit, tests and the images shown.

    images : schema IMAGE_ROWS, of all that are tested or lend
    """

    def __init__(self, run: RunFolder, images: pa.Table) -> None:
        self._identity = repr(sorted(shard_identity(run.audit()).items()))
        self._images = {row["image_id"]: _digest(repr(row)) for row in images.to_pylist()}

    def key(self, tests: pa.Table) -> str:
        """Of some rows of schema TESTS."""
        shown = [self._images[image_id] for image_id in shown_images(tests).to_pylist()]
        return _digest(f"{self._identity}{tests.select(_DECIDING).to_pylist()!r}{shown!r}")


def shown_images(tests: pa.Table) -> pa.Array:
    """image_id of all images that a shard shows: its own and those that lend; some repeatedly."""
    lists = [tests[name].combine_chunks().flatten() for name in DONOR_LISTS]
    return pa.concat_arrays([tests["image_id"].combine_chunks(), *lists])


def arrange(
    tests: pa.Table, keys: ShardKeys, size: int, earlier: RunFolder | None
) -> tuple[pa.Table, tuple[Shard, ...]]:
    """Runs of `size` tests in the order of image_id, behind the full shards of `earlier` of which
    nothing has changed (all its shards where nothing has changed at all).

    tests : schema TESTS, by image_id

    Returns: the tests in the order of the shards, and these.
    """
    kept = [] if earlier is None else list(_unchanged(tests, keys, earlier))
    if sum(len(rows) for rows, _ in kept) < len(tests):
        kept = [(rows, key) for rows, key in kept if len(rows) == size]
    ids = [rows["image_id"].combine_chunks() for rows, _ in kept]
    among = pc.is_in(tests["image_id"], value_set=pa.concat_arrays(ids or [pa.array([], "int64")]))
    rest = tests.filter(pc.invert(among))
    new = [rest.slice(start, size) for start in range(0, len(rest), size)]
    parts = [*kept, *((rows, keys.key(rows)) for rows in new)]
    shards, start = [], 0
    for index, (rows, key) in enumerate(parts):
        shards.append(Shard(index, start, start + len(rows), key, "tests"))
        start += len(rows)
    return pa.concat_tables([tests.slice(0, 0), *(rows for rows, _ in parts)]), tuple(shards)


def _unchanged(
    tests: pa.Table, keys: ShardKeys, earlier: RunFolder
) -> Iterator[tuple[pa.Table, str]]:
    """Shards of an earlier audit that would be the same now: their rows and their key."""
    ids = tests["image_id"].combine_chunks()
    for file in sorted(earlier.record_file("tests", 0).parent.glob("shard-*.json")):
        try:
            key = json.loads(file.read_text())["key"]
            stored = pq.read_table(earlier.partial_file("tests", shard_of(file)), ["image_id"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # not done, or damaged: nothing to keep
        places = pc.index_in(stored["image_id"].combine_chunks(), value_set=ids)
        if places.null_count == 0 and keys.key(rows := tests.take(places)) == key:
            yield rows, key


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
