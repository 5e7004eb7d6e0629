"""The class activation map of a concept: its weights on the target layer's activations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cam_kernels.map_numbers import map_numbers
from tasks.concepts.concept import ConceptMap
from tasks.explain.audited_model import AuditedModel
from tasks.images.inputs import Failure, InputImage, InputReader, read_batches
from tasks.images.object_grid import object_grid


@dataclass(frozen=True)
class Known:
    """What the tables tell of an image before its map is made."""

    score: float
    positive: bool
    label: str
    predicted: str


def concept_map(activations: Tensor, weight: npt.NDArray[np.float64]) -> Tensor:
    """M(x, y) = sum_k w_k A_k(x, y) / (H W), eq. 2 of arXiv:1512.04150 with a mean for its sum:
    over the grid it sums to w . (pooled activations), the decision value less the bias.

    activations : Tensor, shape (N, K, H, W), float
    weight : float64, shape (K,)

    Returns: (N, H, W) float64, signed.
    """
    cells = activations.shape[2] * activations.shape[3]
    weights = torch.as_tensor(weight / cells, dtype=torch.float64, device=activations.device)
    return torch.einsum("k,nkhw->nhw", weights, activations.double())


def concept_maps(
    model: AuditedModel,
    rows: list[dict[str, Any]],
    known: dict[int, Known],
    weight: npt.NDArray[np.float64],
    advance: Callable[[int], None],
) -> tuple[dict[int, ConceptMap], list[Failure]]:
    """One forward for each image of the rows.

    rows : of the manifest
    known : by image_id, of all rows
    advance : is told how many images were done

    Returns: maps by image_id, and the images that can no longer be read.
    """
    by_id = {row["image_id"]: row for row in rows}
    reader = InputReader(model.preprocessing, np.iinfo(np.int32).max)
    maps: dict[int, ConceptMap] = {}
    failures: list[Failure] = []
    for results in read_batches(reader, rows, model.batch_size, torch.get_num_threads()):
        failures += [r.failure for r in results if r.failure is not None]
        images = [r.image for r in results if r.image is not None]
        if images:
            forward = model.forward([image.pixels for image in images])
            activations = forward.layers[model.target_layer].activations[: len(images)]
            values = concept_map(activations, weight).cpu()
            maps |= _with_numbers(images, values, by_id, known)
        advance(len(results))
    return maps, failures


def _with_numbers(
    images: list[InputImage],
    values: Tensor,
    by_id: dict[int, dict[str, Any]],
    known: dict[int, Known],
) -> dict[int, ConceptMap]:
    grid = object_grid(images, *values.shape[1:])
    numbers = map_numbers(values, grid.coverage, grid.centre)
    area = torch.where(numbers.object_energy.isfinite(), grid.coverage.mean(dim=(1, 2)), torch.nan)
    maps = {}
    for place, image in enumerate(images):
        row = by_id[image.image_id]
        maps[image.image_id] = ConceptMap(
            image_id=image.image_id,
            uri=row["uri"],
            **vars(known[image.image_id]),
            values=values[place].float().numpy(),
            view=image.pixels.permute(1, 2, 0).contiguous().numpy(),
            placement=image.placement,
            mask_uri=row["mask_uri"],
            boxes=row["boxes"] or [],
            object_area=float(area[place]),
            object_energy=float(numbers.object_energy[place]),
        )
    return maps
