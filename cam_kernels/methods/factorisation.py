"""Deep feature factorisation: the concepts that images share (arXiv:1806.10206)."""

import torch
from torch import Tensor

from cam_kernels.methods.precision import widened


def deep_feature_factorisation(
    activations: Tensor,
    components: int,
    iterations: int = 200,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Non-negative factors of the activations of all positions of all images together.

    With V the matrix of N H W positions by K channels, relu(A), minimise |V - W C|^2 with
    W >= 0 (how much of each concept a position shows) and C >= 0 (the concepts) (eq. 2,
    arXiv:1806.10206), by hierarchical alternating least squares from a random start
    (A. Cichocki, A.-H. Phan, Fast local algorithms for large scale nonnegative matrix and
    tensor factorizations, IEICE Trans. Fundam. E92-A (2009), 708-721). Concepts have length 1
    and come in the order of their energy; the maps carry the size of the activations.

    The images of a batch are factorised together: that is the method. An image with a value
    that is not finite is left out, and its maps are NaN.

    activations : Tensor, shape (N, K, H, W); negative values count as 0
    components : number of concepts, at least 1
    iterations : sweeps over both factors
    generator : of the random start, on the activations' device; torch's own where None

    Returns: concept maps, Tensor (N, components, H, W), and concepts, Tensor (components, K),
    both >= 0.

    Raises: ValueError for components or iterations below 1.
    """
    if components < 1 or iterations < 1:
        raise ValueError(
            f"expected at least one component and one iteration, got {components} components "
            f"and {iterations} iterations"
        )
    activations = widened(activations)
    count, channels, rows, cols = activations.shape
    finite = activations.isfinite().flatten(1).all(dim=1)
    positions = activations[finite].relu().permute(0, 2, 3, 1).reshape(-1, channels)
    amounts, concepts = _factors(positions, components, iterations, generator)
    amounts, concepts = _ordered(amounts, concepts)
    maps = activations.new_full((count, components, rows, cols), torch.nan)
    maps[finite] = amounts.view(-1, rows, cols, components).permute(0, 3, 1, 2)
    return maps, concepts


def concept_class_scores(concepts: Tensor, class_weights: Tensor) -> Tensor:
    """What one unit of each concept, everywhere, adds to each logit of a GAP + linear head.

    The mean of a concept's map times its score is what it contributes to the logit; over all
    concepts these add up to the logit less the bias, as far as the factors restore the
    activations. (pytorch-grad-cam runs the head, with its bias, on concepts of any length.)

    concepts : Tensor, shape (components, K)
    class_weights : Tensor, shape (classes, K), of the linear layer

    Returns: Tensor, shape (components, classes), any sign, in the units of the logit.
    """
    return widened(concepts) @ widened(class_weights).mT


def _factors(
    positions: Tensor, components: int, iterations: int, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """Amounts (P, components) and concepts (components, K) whose product is near (P, K)."""
    size = (positions.mean().nan_to_num() / components).sqrt()

    def start(shape: tuple[int, int]) -> Tensor:
        values = torch.rand(shape, generator=generator, device=positions.device)
        return values.to(positions.dtype) * size

    amounts = start((len(positions), components))
    concepts = start((positions.shape[1], components))
    for _ in range(iterations):
        amounts = _sweep(positions, amounts, concepts)
        concepts = _sweep(positions.mT, concepts, amounts)
    return amounts, concepts.mT


def _sweep(matrix: Tensor, factor: Tensor, other: Tensor) -> Tensor:
    """Each column of `factor` in turn at its best for |matrix - factor other^T|^2.

    A column whose partner in `other` is 0 has no best value and stays as it is.
    """
    columns = list(factor.unbind(dim=1))
    gram = other.mT @ other
    projected = matrix @ other
    for r in range(len(columns)):
        squared_length = gram[r, r]
        step = projected[:, r] - torch.stack(columns, dim=1) @ gram[:, r]
        step = step / torch.where(squared_length == 0, 1.0, squared_length)
        columns[r] = (columns[r] + step).relu()
    return torch.stack(columns, dim=1)


def _ordered(amounts: Tensor, concepts: Tensor) -> tuple[Tensor, Tensor]:
    length = concepts.norm(dim=1)
    concepts = concepts / torch.where(length == 0, 1.0, length)[:, None]
    amounts = amounts * length
    order = amounts.square().sum(dim=0).argsort(descending=True, stable=True)
    return amounts[:, order], concepts[order]
