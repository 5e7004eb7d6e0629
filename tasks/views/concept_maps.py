"""Concepts that the images share, by deep feature factorisation."""

import torch
from torch import Tensor

from cam_kernels.methods.factorisation import deep_feature_factorisation
from tasks.views.explanation import Concepts

CONCEPTS = 5


def concept_maps(activations: list[Tensor]) -> list[Concepts | None]:
    """Of each image, factorised together, so that a concept is the same in all of them.

    activations : of one layer, shape (K, rows, cols) each

    Returns: one per image; None where no unit is above zero or a value is not finite.
    """
    together = torch.stack(activations).cpu()
    generator = torch.Generator().manual_seed(0)
    maps, concepts = deep_feature_factorisation(together, CONCEPTS, generator=generator)
    return [
        _of_image(own, image_maps, concepts) for own, image_maps in zip(together, maps, strict=True)
    ]


def _of_image(activations: Tensor, maps: Tensor, concepts: Tensor) -> Concepts | None:
    total = float(maps.sum())
    if not total > 0:  # NaN, too
        return None
    live = activations.to(maps.dtype).relu()
    left = live - torch.einsum("chw,ck->khw", maps, concepts)
    return Concepts(
        maps=maps.float().numpy(),
        shares=tuple((maps.sum(dim=(1, 2)) / total).tolist()),
        restored=float(1 - left.square().sum() / live.square().sum()),
    )
