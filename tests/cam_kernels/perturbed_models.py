"""Models and images for the methods with extra forwards, and what those ask of a model."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.models.mobilenetv2 import InvertedResidual
from torchvision.models.resnet import BasicBlock

from cam_kernels.layers.target_layer import output_hook
from tests.cam_kernels.architectures import CLASSES, build, noise, randomise


def residual() -> nn.Module:
    """Two of ResNet's basic blocks."""
    shortcut = nn.Sequential(nn.Conv2d(8, 16, 1, stride=2, bias=False), nn.BatchNorm2d(16))
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        BasicBlock(8, 8), BasicBlock(8, 16, stride=2, downsample=shortcut),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, CLASSES),
    )  # fmt: skip


def depthwise() -> nn.Module:
    """Three of MobileNetV2's blocks, whose outputs are of both signs."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(),
        InvertedResidual(8, 8, 1, 4), InvertedResidual(8, 12, 2, 4), InvertedResidual(12, 12, 1, 4),
        nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, CLASSES),
    )  # fmt: skip


# Small models with few channels, so that a forward per channel stays fast. The last layer's grid
# is as fine as the image: nothing is enlarged there, and how a peer does that cannot matter.
SMALL = {
    "plain_cnn": "5",
    "plain_cnn_before_relu": "4",
    "residual": "3",
    "depthwise": "4",
    "vgg_like": "features.1",
}
LARGE = {"resnet18": "layer1", "mobilenet_v2": "features.6"}
CASES = SMALL | LARGE
_MADE_HERE = {"residual": residual, "depthwise": depthwise}


@dataclass(frozen=True)
class PerturbedModel:
    """A model in float32, its copy in float64, images, and the class asked for in each."""

    model: nn.Module
    exact: nn.Module
    layer: str
    images: Tensor
    class_idx: Tensor

    @property
    def activations(self) -> Tensor:
        return self.gradients_of(self.images)[0]

    def image_score(self, images: Tensor, of: Tensor) -> Tensor:
        return self.model(images).gather(1, self.class_idx[of][:, None])[:, 0]

    def activation_score(self, activations: Tensor, of: Tensor) -> Tensor:
        with output_hook(self.model, self.layer, lambda _: activations.clone()):
            return self.image_score(self.images[of], of)

    @property
    def base_scores(self) -> Tensor:
        return self.image_score(self.images, torch.arange(len(self.images)))

    def gradients_of(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self._gradients(self.model, images, self.class_idx)

    def exact_image_score(self, number: int) -> Callable[[Tensor], float]:
        """The float64 class score of image `number` as a function of its pixels."""
        class_idx = int(self.class_idx[number])

        def score(image: Tensor) -> float:
            with torch.no_grad():
                return float(self.exact(image[None])[0, class_idx])

        return score

    def exact_activation_score(self, number: int) -> Callable[[Tensor], float]:
        score = self.exact_image_score(number)

        def with_activations(activations: Tensor) -> float:
            with output_hook(self.exact, self.layer, lambda _: activations[None].clone()):
                return score(self.images[number].double())

        return with_activations

    def exact_gradients(self, image: Tensor, number: int) -> tuple[Tensor, Tensor]:
        """Activations and gradients (K, H, W) of one float64 image."""
        found = self._gradients(self.exact, image[None], self.class_idx[number : number + 1])
        return found[0][0], found[1][0]

    def _gradients(
        self, model: nn.Module, images: Tensor, class_idx: Tensor
    ) -> tuple[Tensor, Tensor]:
        seen: list[Tensor] = []

        def keep(output: Tensor) -> Tensor:
            seen.append(output)
            return output.clone()  # what follows may work in place

        with torch.enable_grad(), output_hook(model, self.layer, keep):
            logits = model(images.clone().requires_grad_())
            score = logits.gather(1, class_idx[:, None]).sum()
            (gradients,) = torch.autograd.grad(score, seen[0])
        return seen[0].detach(), gradients


def perturbed_model(name: str, count: int = 2, side: int = 24) -> PerturbedModel:
    """A model whose logits differ by a few units between the masks of an image.

    In a softmax of equals no mistake would show. So batch norms get the statistics of images,
    without which a deep random network answers the same to all, and the last layer is scaled.
    """
    model = _made(name).requires_grad_(False)
    images = noise(count, side)
    if name == "plain_cnn":
        model[4].bias[2] = -100  # behind the ReLU this channel is dead
    _calibrate(model, noise(16, side, seed=5))
    last = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    half = images * torch.linspace(0, 1, side)
    factor = 4 / (model(images) - model(half)).abs().max()
    last.weight *= factor
    last.bias *= factor
    class_idx = model(images).argmax(dim=1)
    class_idx[1:] = torch.arange(1, count) * 3 % CLASSES
    return PerturbedModel(model, copy.deepcopy(model).double(), CASES[name], images, class_idx)


def _made(name: str) -> nn.Module:
    if name not in _MADE_HERE:
        return build(name)[0]
    torch.manual_seed(sum(map(ord, name)))
    return randomise(_MADE_HERE[name]())


def _calibrate(model: nn.Module, images: Tensor) -> None:
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    model(images)
    model.eval()
