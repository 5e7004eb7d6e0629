"""Deep features and the model's own answers for several views of each image."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tasks.explain.audited_model import AuditedModel
from tasks.images.inputs import Failure
from tasks.representation.map_box import Box
from tasks.representation.views import VIEWS, ImageViews, ViewReader

_LARGEST_HALF = 65504.0


@dataclass(frozen=True)
class Extracted:
    """N images, by image_id.

    image_id : int64, shape (N,)
    pooled : by view, float16, shape (N, K): as the table `features` stores it
    logits : by view, float32, shape (N, classes)
    boxes : by view, N boxes in pixels of the image, None where the whole image stood in
    failures : images that can no longer be read; they are in nothing else
    """

    image_id: npt.NDArray[np.int64]
    pooled: dict[str, npt.NDArray[np.float16]]
    logits: dict[str, npt.NDArray[np.float32]]
    boxes: dict[str, list[Box | None]]
    failures: list[Failure]


def extract_views(
    model: AuditedModel,
    rows: list[dict[str, Any]],
    reader: ViewReader,
    advance: Callable[[int], None],
) -> Extracted:
    """One forward per view of each image.

    rows : of the manifest, by image_id
    advance : is told how many images were done
    """
    images: list[ImageViews] = []
    failures: list[Failure] = []
    pooled: dict[str, list[Any]] = {view: [] for view in VIEWS}
    logits: dict[str, list[Any]] = {view: [] for view in VIEWS}
    for results in _batches(reader, rows, model.batch_size):
        failures += [each for each in results if isinstance(each, Failure)]
        batch = [each for each in results if isinstance(each, ImageViews)]
        for view in VIEWS if batch else ():
            features, answers = _forward(model, [each.pixels[view] for each in batch])
            pooled[view].append(features)
            logits[view].append(answers)
        # The pixels are done with: all images of a dataset would not fit.
        images += [ImageViews(each.image_id, {}, each.boxes) for each in batch]
        advance(len(results))
    return Extracted(
        image_id=np.array([each.image_id for each in images], dtype=np.int64),
        pooled={view: np.concatenate(parts) for view, parts in pooled.items() if parts},
        logits={view: np.concatenate(parts) for view, parts in logits.items() if parts},
        boxes={view: [each.boxes[view] for each in images] for view in VIEWS[1:]},
        failures=failures,
    )


def _forward(
    model: AuditedModel, views: list[torch.Tensor]
) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float32]]:
    forward = model.forward(views)
    activations = forward.layers[model.target_layer].activations[: len(views)]
    pooled = activations.mean(dim=(2, 3)).clamp(-_LARGEST_HALF, _LARGEST_HALF)
    return pooled.half().cpu().numpy(), forward.logits[: len(views)].cpu().numpy()


def _batches(
    reader: ViewReader, rows: list[dict[str, Any]], batch_size: int
) -> Iterator[list[ImageViews | Failure]]:
    """In the order of the rows, the next batch read ahead."""
    with ThreadPoolExecutor(max_workers=torch.get_num_threads()) as pool:
        waiting: list[Future[ImageViews | Failure]] = []
        for first in range(0, len(rows) + batch_size, batch_size):
            ready = waiting
            waiting = [pool.submit(reader.read, row) for row in rows[first : first + batch_size]]
            if ready:
                yield [future.result() for future in ready]
