"""The restated weights of every image of a case: the restatements applied to a model."""

import numpy as np
import torch
from torch import Tensor

from tests.cam_kernels.perturbed_models import PerturbedModel
from tests.cam_kernels.restatements import perturbation
from tests.cam_kernels.restatements.perturbation import Floats


def scorecam(case: PerturbedModel, **options: object) -> Floats:
    return np.stack(
        [
            perturbation.scorecam_weights(
                case.exact_image_score(n), image, _activations(case, n), **options
            )
            for n, image in enumerate(case.images)
        ]
    )


def sscam(case: PerturbedModel, samples: int, std: float, seed: int, **options: object) -> Floats:
    noise = perturbation.normal(case.images.shape[2:], samples, seed)
    return scorecam(case, masks=perturbation.noisy_masks(noise, std), **options)


def iscam(case: PerturbedModel, samples: int, *, first: int = 0, **options: object) -> Floats:
    masks = perturbation.integrated_masks(samples, first=first)
    return scorecam(case, masks=masks, **options)


def ablationcam(case: PerturbedModel, **options: object) -> Floats:
    return np.stack(
        [
            perturbation.ablationcam_weights(
                case.exact_activation_score(n), _activations(case, n), **options
            )
            for n in range(len(case.images))
        ]
    )


def ablationcam_far_below(case: PerturbedModel, batch_size: int = 32) -> Floats:
    """As pytorch-grad-cam does it where the lowest activation is not 0: 1e7 below the lowest,
    counting what the earlier rows of the same batch were set to."""
    rows = []
    for n in range(len(case.images)):
        activations = _activations(case, n)
        lowest = float(activations.min())
        below = lambda k, lowest=lowest: lowest - 1e7 * (k % batch_size + 1)  # noqa: E731
        score = case.exact_activation_score(n)
        rows.append(perturbation.ablationcam_weights(score, activations, removed=below))
    return np.stack(rows)


def smooth_gradcam_pp(
    case: PerturbedModel, samples: int, spread: float, seed: int, **options: object
) -> Floats:
    noise = perturbation.normal(case.images.shape[1:], samples, seed)
    rows = []
    for n, image in enumerate(case.images.double()):
        std = spread * (image.max() - image.min())
        gradients = [case.exact_gradients(image + std * one, n)[1].numpy() for one in noise]
        activations = _activations(case, n).numpy()
        rows.append(perturbation.smooth_gradcam_pp_weights(activations, gradients, **options))
    return np.stack(rows)


def _activations(case: PerturbedModel, number: int) -> Tensor:
    return case.exact_gradients(case.images[number].double(), number)[0]


def difference(actual: Floats | Tensor, expected: Floats) -> float:
    """The largest difference of a weight, relative to the image's largest weight."""
    actual = torch.as_tensor(actual).double().numpy()
    largest = np.abs(expected).max(axis=1)
    return float((np.abs(actual - expected).max(axis=1) / largest).max())
