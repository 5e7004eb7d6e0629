"""Channel weights (N, K) of the methods with extra forwards, from the libraries as they are."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torchcam.methods
from pytorch_grad_cam import AblationCAM, ScoreCAM
from pytorch_grad_cam.ablation_layer import AblationLayer
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor

from tests.cam_kernels.perturbed_models import PerturbedModel
from tests.cam_kernels.restatements.perturbation import Floats, normal

GRAD_CAM, TORCHCAM = "pytorch-grad-cam", "torchcam"


class _GivenNoise:
    """In place of torchcam's normal distribution: the same noise as everybody's."""

    def __init__(self, noise: Tensor) -> None:
        self.left = iter(noise.float())

    def sample(self, size: torch.Size) -> Tensor:
        return next(self.left).expand(size)


def grad_cam_scorecam(case: PerturbedModel) -> Floats:
    return _grad_cam_weights(case, ScoreCAM)


def grad_cam_ablationcam(case: PerturbedModel) -> Floats:
    return _grad_cam_weights(case, AblationCAM, ablation_layer=AblationLayer())


def _grad_cam_weights(case: PerturbedModel, method: type, **options: object) -> Floats:
    layer = case.model.get_submodule(case.layer)
    targets = [ClassifierOutputTarget(c) for c in case.class_idx.tolist()]
    with method(model=case.model, target_layers=[layer], **options) as cam:
        return np.asarray(
            cam.get_cam_weights(case.images, layer, targets, case.activations.numpy(), None)
        )


def torchcam_scorecam(case: PerturbedModel) -> Floats:
    with _torchcam(case, "ScoreCAM") as method:
        return method._get_weights(case.class_idx.tolist())[0].numpy()


def torchcam_iscam(case: PerturbedModel, samples: int) -> Floats:
    with _torchcam(case, "ISCAM", num_samples=samples) as method:
        return method._get_weights(case.class_idx.tolist())[0].numpy()


def torchcam_sscam(case: PerturbedModel, samples: int, std: float, seed: int) -> Floats:
    with _torchcam(case, "SSCAM", num_samples=samples) as method:
        method._distrib = _GivenNoise(std * normal(case.images.shape[2:], samples, seed))
        return method._get_weights(case.class_idx.tolist())[0].numpy()


def torchcam_smooth_gradcam_pp(
    case: PerturbedModel, samples: int, spread: float, seed: int
) -> Floats:
    noise = normal(case.images.shape[1:], samples, seed)
    value_range = case.images.amax(dim=(1, 2, 3)) - case.images.amin(dim=(1, 2, 3))
    with _torchcam(case, "SmoothGradCAMpp", num_samples=samples) as method:
        method._distrib = _GivenNoise(spread * value_range[:, None, None, None] * noise[:, None])
        return method._get_weights(case.class_idx.tolist())[0].numpy()


@contextmanager
def _torchcam(case: PerturbedModel, name: str, **options: int) -> Iterator[torchcam.methods.CAM]:
    with getattr(torchcam.methods, name)(case.model, case.layer, **options) as method:
        case.model(case.images.clone().requires_grad_())
        yield method
