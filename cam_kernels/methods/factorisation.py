"""Deep feature factorisation: the concepts that images share (arXiv:1806.10206)."""

import torch
from torch import Tensor

from cam_kernels.methods.precision import widened

_STARTS = 4  # the problem has many local minima; the best of a few short runs is gone on with
_SWEEPS = 4  # over one factor while the other is fixed


def deep_feature_factorisation(
    activations: Tensor,
    components: int,
    iterations: int = 200,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Non-negative factors of the activations of all positions of all images together.

    With V the matrix of N H W positions by K channels, relu(A), minimise |V - W C|^2 with
    W >= 0 (how much of each concept a position shows) and C >= 0 (the concepts)
    (arXiv:1806.10206), by hierarchical alternating least squares from random starts
    (A. Cichocki, A.-H. Phan, Fast local algorithms for large scale nonnegative matrix and
    tensor factorizations, IEICE Trans. Fundam. E92-A (2009), 708-721). Concepts have length 1
    and come in the order of their energy; the maps carry the size of the activations.

    The images of a batch are factorised together: that is the method. An image with a value
    that is not finite is left out, and its maps are NaN.

    activations : Tensor, shape (N, K, H, W); negative values count as 0
    components : number of concepts, at least 1
    iterations : rounds over both factors
    generator : of the random starts, on the activations' device; torch's own where None

    Returns: concept maps, Tensor (N, components, H, W), and concepts, Tensor (components, K),
    both >= 0.

    Raises: ValueError for components or iterations below 1.
    """
    if components < 1 or iterations < 1:
        raise ValueError(f"expected at least 1, got {components=} and {iterations=}")
    activations = widened(activations)
    count, channels, rows, cols = activations.shape
    finite = activations.isfinite().flatten(1).all(dim=1)
    positions = activations[finite].relu().permute(0, 2, 3, 1).reshape(-1, channels)
    amounts, concepts = _ordered(*_factors(positions, components, iterations, generator))
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

    def start(rows: int) -> Tensor:
        values = torch.rand((rows, components), generator=generator, device=positions.device)
        return values.to(positions.dtype) * size

    def improved(factors: tuple[Tensor, Tensor], rounds: int) -> tuple[Tensor, Tensor]:
        amounts, concepts = factors
        for _ in range(rounds):
            amounts = _updated(positions, amounts, concepts)
            concepts = _updated(positions.mT, concepts, amounts)
        return amounts, concepts

    trial = -(-iterations // 4)
    starts = [(start(len(positions)), start(positions.shape[1])) for _ in range(_STARTS)]
    tried = [improved(factors, trial) for factors in starts]
    errors = torch.stack([(positions - w @ c.mT).square().sum() for w, c in tried])
    amounts, concepts = improved(tried[int(errors.argmin())], iterations - trial)
    return amounts, concepts.mT


def _updated(matrix: Tensor, factor: Tensor, other: Tensor) -> Tensor:
    """A few sweeps in which each column of `factor` in turn takes its best value for
    |matrix - factor other^T|^2.

    The products with the matrix, which cost most, serve all sweeps (N. Gillis, F. Glineur,
    Accelerated multiplicative updates and hierarchical ALS algorithms for nonnegative matrix
    factorization, Neural Computation 24 (2012), 1085-1105). A column whose partner in `other`
    is 0 has no best value and stays as it is.
    """
    columns = list(factor.unbind(dim=1))
    gram = other.mT @ other
    projected = matrix @ other
    squared_lengths = torch.where(gram.diagonal() == 0, 1.0, gram.diagonal())
    for _ in range(_SWEEPS):
        for r in range(len(columns)):
            step = projected[:, r] - torch.stack(columns, dim=1) @ gram[:, r]
            columns[r] = (columns[r] + step / squared_lengths[r]).relu()
    return torch.stack(columns, dim=1)


def _ordered(amounts: Tensor, concepts: Tensor) -> tuple[Tensor, Tensor]:
    length = concepts.norm(dim=1)
    concepts = concepts / torch.where(length == 0, 1.0, length)[:, None]
    amounts = amounts * length
    order = amounts.square().sum(dim=0).argsort(descending=True, stable=True)
    return amounts[:, order], concepts[order]
