"""One row of the manifest to one input of the model, or to the reason why not."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from torch import Tensor

from tasks.images.decoding import ImageSource, UnreadableImage
from tasks.images.geometry import Placement
from tasks.images.masks import fit_mask, read_mask
from tasks.images.preprocessing import Preprocessing, object_in_crop

Row = dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """A row of `failures`."""

    image_id: int
    uri: str
    stage: str
    error: str


@dataclass(frozen=True)
class InputImage:
    """An image as the model sees it.

    pixels : uint8 Tensor, shape (3, crop, crop)
    object_mask : bool, shape (crop, crop); None where the image has neither mask nor box
    object_source : where it came from, "mask" or "box"; None where it is None
    boxes : the boxes in pixels of the crop: left, top, right, bottom, inclusive; none where the
        image has none or they lie outside the crop
    """

    image_id: int
    label: int
    pixels: Tensor
    placement: Placement
    object_mask: npt.NDArray[np.bool_] | None
    object_source: Literal["mask", "box"] | None = None
    boxes: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class ReadResult:
    """What became of a manifest row: an image, or a failure, or (an unreadable mask) both."""

    image: InputImage | None
    failure: Failure | None


class InputReader:
    """Reads, decodes and cuts the images of manifest rows.

    num_classes : outputs of the model; a label beyond them is a failure
    """

    def __init__(self, preprocessing: Preprocessing, num_classes: int) -> None:
        self._preprocessing = preprocessing
        self._num_classes = num_classes
        self._source = ImageSource()

    def read(self, row: Row) -> ReadResult:
        """One manifest row (keys of schema MANIFEST) to an input. Never raises for bad data."""

        def failed(stage: str, reason: object) -> Failure:
            return Failure(row["image_id"], row["uri"], stage, str(reason))

        if row["label"] >= self._num_classes:
            reason = f"the label is none of the model's {self._num_classes} classes"
            return ReadResult(None, failed("label", reason))
        try:
            pixels, placement = self._preprocessing.view(self._source.read(row["uri"]))
        except UnreadableImage as error:
            return ReadResult(None, failed(error.stage, error))
        mask, failure = None, None
        if row["mask_uri"] is not None:
            try:
                mask = fit_mask(read_mask(self._source, row["mask_uri"]), placement)
            except UnreadableImage as error:
                failure = failed("mask", f"{row['mask_uri']}: {error}")
        boxes = row["boxes"] or []
        on_object = object_in_crop(mask, boxes, placement)
        image = InputImage(
            image_id=row["image_id"],
            label=row["label"],
            pixels=pixels,
            placement=placement,
            object_mask=on_object,
            object_source=None if on_object is None else "box" if mask is None else "mask",
            boxes=tuple(map(tuple, placement.to_view(boxes).tolist())),
        )
        return ReadResult(image, failure)


def read_batches(
    reader: InputReader, rows: list[Row], batch_size: int, threads: int
) -> Iterator[list[ReadResult]]:
    """Results in manifest order, `batch_size` rows at a time, the next batch read ahead."""
    batches = [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
    with ThreadPoolExecutor(max_workers=threads) as pool:
        waiting: list[Future[ReadResult]] = []
        for batch in batches:
            ready, waiting = waiting, [pool.submit(reader.read, row) for row in batch]
            if ready:
                yield [future.result() for future in ready]
        if waiting:
            yield [future.result() for future in waiting]
