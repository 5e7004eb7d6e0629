"""Activations of the target layer, image by image, with the objects named in each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tasks.explain.audited_model import AuditedModel
from tasks.images.decoding import ImageSource, UnreadableImage
from tasks.images.inputs import Failure, InputImage, InputReader, read_batches
from tasks.images.named_objects import NamedObject, has_names, named_objects


@dataclass(frozen=True)
class NamedBatch:
    """images : N that could be read and computed
    activations : (N, K, H, W) float32, finite, on the model's device
    objects : of each image; empty where none is named
    rows : of the manifest that the batch was read from, the failed included
    """

    images: list[InputImage]
    activations: Tensor
    objects: list[list[NamedObject]]
    failures: list[Failure]
    rows: int


def named_batches(
    model: AuditedModel, rows: list[dict[str, Any]], classes: list[str]
) -> Iterator[NamedBatch]:
    """One forward for each image, `model.batch_size` at a time, in the order of the rows.

    An image whose mask cannot be read is left out: what is named in it is not known.

    rows : of the manifest
    """
    by_id, source = {row["image_id"]: row for row in rows}, ImageSource()
    # Each object is read by its name, below; here their union would be read for nothing.
    bare = [{**row, "mask_uri": None, "boxes": None} for row in rows]
    reader = InputReader(model.preprocessing, np.iinfo(np.int32).max)
    for results in read_batches(reader, bare, model.batch_size, torch.get_num_threads()):
        failures = [r.failure for r in results if r.failure is not None]
        images, objects = [], []
        for image in (r.image for r in results if r.image is not None):
            row = by_id[image.image_id]
            try:
                objects.append(_objects(row, image, classes, source))
                images.append(image)
            except UnreadableImage as error:
                reason = f"{row['mask_uri']}: {error}"
                failures.append(Failure(image.image_id, row["uri"], "mask", reason))
        if images:
            yield _computed(model, images, objects, failures, by_id, len(results))
        else:
            empty = torch.empty(0)
            yield NamedBatch([], empty, [], failures, len(results))


def _objects(
    row: dict[str, Any], image: InputImage, classes: list[str], source: ImageSource
) -> list[NamedObject]:
    named = has_names(row, classes)
    return named_objects(row, image.placement, classes, source) if named else []


def _computed(
    model: AuditedModel,
    images: list[InputImage],
    objects: list[list[NamedObject]],
    failures: list[Failure],
    by_id: dict[int, dict[str, Any]],
    rows: int,
) -> NamedBatch:
    forward = model.forward([image.pixels for image in images])
    evidence = forward.layers[model.target_layer]
    activations = evidence.activations[: len(images)].detach().float()
    finite = activations.isfinite().flatten(1).all(dim=1)
    kept = [i for i, good in enumerate(finite.tolist()) if good]
    broken = [
        Failure(image.image_id, by_id[image.image_id]["uri"], "model", "activations not finite")
        for image, good in zip(images, finite.tolist(), strict=True)
        if not good
    ]
    return NamedBatch(
        [images[i] for i in kept],
        activations[finite],
        [objects[i] for i in kept],
        [*failures, *broken],
        rows,
    )
