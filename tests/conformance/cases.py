"""What the methods are compared on: small models with random weights, one case each."""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cam_kernels.explainer import Explainer
from cam_kernels.targets import ClassScore
from tests import reference
from tests.cam_kernels.architectures import build, noise
from tests.cam_kernels.restatements import scores
from tests.reference import Floats

# name in the table: model in tests/cam_kernels/architectures.py, target layer
ARCHITECTURES = {
    "plain CNN": ("vgg_like", "features"),
    "residual": ("resnet18", "layer3"),
    "depthwise": ("mobilenet_v2", "features.13.conv.1"),
    "GAP head": ("plain_cnn", "5"),
    "before in-place ReLU": ("plain_cnn_before_relu", "4"),
}
USUAL = tuple(ARCHITECTURES)[:4]


@dataclass(frozen=True)
class Case:
    """A model, its layer, images and the predicted class of each; A and g in float64."""

    name: str
    model: nn.Module
    layer: str
    images: Tensor
    class_idx: list[int]
    exact_activations: Floats
    exact_gradients: Floats

    @property
    def classes(self) -> Tensor:
        return torch.tensor(self.class_idx)

    def maps(self, method: str) -> Tensor:
        """Raw maps of the predicted classes by the code under test, float32."""
        explainer = Explainer(self.model, self.layer, self.images)
        return explainer.forward(self.images).map(method, ClassScore(self.classes))

    def exact_score_gradients(self, score: scores.Score, at: Floats | None = None) -> Floats:
        """Gradients in float64 of a score of one image's logits and class."""
        return scores.gradients_at(
            self.model,
            self.layer,
            self.images,
            self.exact_activations if at is None else at,
            lambda logits: sum(score(logits[n], c) for n, c in enumerate(self.class_idx)),
        )


@functools.cache
def case(name: str) -> Case:
    model_name, layer = ARCHITECTURES[name]
    model, _, _ = build(model_name)
    images = noise(2, side=48)
    class_idx = reference.logits_of(model, images).argmax(axis=1).tolist()
    exact = reference.activations_and_gradients(model, layer, images, class_idx)
    return Case(name, model, layer, images, class_idx, *exact)
