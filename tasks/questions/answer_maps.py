"""The class activation map of an answer: the image part of its weights on the activations."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cam_kernels.map_numbers import map_numbers
from tasks.concepts.concept_maps import concept_map
from tasks.explain.audited_model import AuditedModel
from tasks.images.inputs import Failure, InputImage, InputReader, read_batches
from tasks.images.object_grid import object_grid
from tasks.questions.answered import AnswerMap, Picture


def forward_images(
    model: AuditedModel,
    rows: list[dict[str, Any]],
    failures: list[Failure],
    advance: Callable[[int], None],
) -> Iterator[tuple[InputImage, Tensor]]:
    """One forward for each image of the rows of the manifest that can be read.

    failures : is given what can no longer be read
    advance : is told how many images were done

    Yields: images with the target layer's activations, shape (1, K, H, W).
    """
    reader = InputReader(model.preprocessing, np.iinfo(np.int32).max)
    for results in read_batches(reader, rows, model.batch_size, torch.get_num_threads()):
        failures += [result.failure for result in results if result.failure is not None]
        images = [result.image for result in results if result.image is not None]
        if images:
            layers = model.forward([image.pixels for image in images]).layers
            activations = layers[model.target_layer].activations.detach()
            for place, image in enumerate(images):
                yield image, activations[place : place + 1]
        advance(len(results))


def answer_map(
    activations: Tensor, weight: npt.NDArray[np.float64], image: InputImage
) -> AnswerMap:
    """The map of an answer, and how much of it lies on the image's object.

    activations : Tensor, shape (1, K, H, W)
    weight : float64, shape (K,), of the answer
    """
    values = concept_map(activations, weight).cpu()
    grid = object_grid([image], *values.shape[1:])
    energy = float(map_numbers(values, grid.coverage, grid.centre).object_energy)
    area = float(grid.coverage.mean()) if np.isfinite(energy) else np.nan
    return AnswerMap(values[0].float().numpy(), area, energy)


def picture_of(image: InputImage, row: dict[str, Any]) -> Picture:
    """What is drawn of an image.

    row : of the manifest
    """
    return Picture(
        image_id=image.image_id,
        uri=row["uri"],
        view=image.pixels.permute(1, 2, 0).contiguous().numpy(),
        placement=image.placement,
        mask_uri=row["mask_uri"],
        boxes=row["boxes"] or [],
    )
