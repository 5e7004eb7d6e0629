"""What the cells of a layer hold, as short vectors that can be stored and clustered."""

from functools import lru_cache

import torch
from torch import Tensor

_SEED = 0


def evidence_features(activations: Tensor, contrast: Tensor) -> Tensor:
    """Mean activation of each unit, weighted by where the evidence lies: sum_ij m_ij A_kij /
    sum_ij m_ij with m = relu(contrast).

    Two images that the model sees the same evidence in are near each other here, whatever else
    they show; the features that spectral relevance analysis clusters (arXiv:1902.10178, there the
    map itself, at a place; here what stands at that place).

    activations : Tensor, shape (N, K, H, W)
    contrast : Tensor, shape (N, H, W), signed

    Returns: Tensor, shape (N, K); zeros where the contrast has no positive value.
    """
    positive = contrast.relu().flatten(1)
    # Divided by the largest value first: the sum of huge values must not overflow.
    positive = positive / positive.amax(dim=1, keepdim=True).clamp_min(1e-30)
    weights = positive / positive.sum(dim=1, keepdim=True).clamp_min(1e-30)
    return torch.bmm(activations.flatten(2), weights[:, :, None])[:, :, 0]


def cell_vectors(activations: Tensor, dimensions: int) -> Tensor:
    """Each cell's activations over the units, scaled to length 1 and projected at random.

    The entries of the projection are +-1 / sqrt(dimensions), drawn with a fixed seed, so cosine
    similarities of cells are kept on average (Achlioptas 2003, theorem 1.1), and all workers of an
    audit project alike.

    activations : Tensor, shape (N, K, H, W)
    dimensions : numbers per cell, >= 1

    Returns: Tensor, shape (N, H * W, dimensions), row by row; zeros for a cell without activation.
    """
    cells = activations.flatten(2).transpose(1, 2)
    length = cells.norm(dim=2, keepdim=True)
    unit = torch.where(length > 0, cells / length.clamp_min(1e-30), 0.0)
    return unit @ _signs(activations.shape[1], dimensions, unit.device).to(unit) / dimensions**0.5


@lru_cache(maxsize=4)  # a copy to a GPU would wait for all that was asked of it before
def _signs(units: int, dimensions: int, device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(_SEED)
    signs = torch.randint(0, 2, (units, dimensions), generator=generator).float() * 2 - 1
    return signs.to(device)
