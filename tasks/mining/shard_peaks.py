"""The partial table `peaks`, shard by shard, and what is kept of every image at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.mining.near_duplicates import near_duplicates
from tasks.tables.storage import RunFolder

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class AuditedImages:
    """All images that could be audited, in the order of image_id; 60 bytes of memory each.

    image_id, label : int64, shape (N,); a label is -1 where unknown
    size : int64, shape (N, 2), width and height in pixels
    representative : int64, shape (N,): image_id of the image that stands for it among its
        near-duplicates
    first : bool, shape (N,), stands for itself; first_of_class : is the first of its
        near-duplicates among those with its label
    """

    image_id: Ints
    label: Ints
    size: Ints
    representative: Ints
    first: Bools
    first_of_class: Bools

    @cached_property
    def classes(self) -> Ints:
        """The classes that have images, in order."""
        return np.unique(self.label[self.label >= 0])

    def places(self, image_id: Ints) -> Ints:
        """Where images stand here."""
        return np.searchsorted(self.image_id, image_id)


def read_images(run: RunFolder, shards: int) -> AuditedImages:
    """What the merge has to know of every image before it can look at one."""
    names = ["image_id", "label", "perceptual_hash", "mean_colour"]
    peaks = pa.concat_tables(
        [pq.read_table(run.partial_file("peaks", shard), columns=names) for shard in range(shards)]
    )
    sizes = pa.concat_tables(
        [
            pq.read_table(run.table_file("predictions", shard), columns=["width", "height"])
            for shard in range(shards)
        ]
    )
    image_id = peaks["image_id"].to_numpy().astype(np.int64)
    order = np.argsort(image_id)
    image_id, label = image_id[order], peaks["label"].to_numpy().astype(np.int64)[order]
    hashes = peaks["perceptual_hash"].to_numpy()[order]
    stands = near_duplicates(hashes, matrix(peaks["mean_colour"])[order])
    _, first_of_class = np.unique(np.column_stack([stands, label]), axis=0, return_index=True)
    return AuditedImages(
        image_id=image_id,
        label=label,
        size=np.column_stack([sizes["width"].to_numpy(), sizes["height"].to_numpy()])[order],
        representative=image_id[stands],
        first=stands == np.arange(len(stands)),
        first_of_class=np.isin(np.arange(len(stands)), first_of_class),
    )


@dataclass(frozen=True)
class OfShard:
    """Rows of `peaks` of one shard.

    image_id, places, group : int64, shape (N,): the image, where it stands among all, and the
        number of its class among those that have images, -1 without a label
    columns : as asked for: numbers as (N,), lists as (N, length)
    """

    image_id: Ints
    places: Ints
    group: Ints
    columns: list[npt.NDArray[Any]]


@dataclass(frozen=True)
class ShardPeaks:
    """The partial table `peaks` of a run, to be read as often as needed.

    count : of shards
    """

    run: RunFolder
    count: int
    images: AuditedImages

    @property
    def cell_type(self) -> npt.DTypeLike:
        """Unsigned integers that hold a cell's number."""
        schema = pq.read_schema(self.run.partial_file("peaks", 0))
        kind: npt.DTypeLike = schema.field("cell").type.value_type.to_pandas_dtype()
        return kind

    def shards(self, *names: str) -> Iterator[OfShard]:
        """Some columns, one shard after the other."""
        classes = self.images.classes
        for shard in range(self.count):
            table = pq.read_table(
                self.run.partial_file("peaks", shard), columns=["image_id", *names]
            )
            image_id = table["image_id"].to_numpy().astype(np.int64)
            places = self.images.places(image_id)
            label = self.images.label[places]
            group = np.where(label >= 0, np.searchsorted(classes, label), -1)
            yield OfShard(image_id, places, group, [_values(table[name]) for name in names])


def _values(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    is_list = pa.types.is_fixed_size_list(column.type)
    values: npt.NDArray[Any] = matrix(column) if is_list else column.to_numpy()
    return values


def matrix(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """A column of lists of one length as an array of shape (rows, length)."""
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(column), column.type.list_size)
