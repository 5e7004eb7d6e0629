"""Small models with random weights whose batch norms matter, and images for them."""

import torch
from torch import Tensor, nn
from torchvision import models

CLASSES = 7


def plain_cnn() -> nn.Module:
    """conv-bn-relu blocks, GAP + linear."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, CLASSES),
    )  # fmt: skip


class VggLike(nn.Module):
    """Features, pooling to 2 x 2, and a head of two linear layers with dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )  # fmt: skip
        self.avgpool = nn.AdaptiveAvgPool2d(2)
        self.classifier = nn.Sequential(
            nn.Linear(64, 32), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(32, CLASSES)
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(images)).flatten(1))


def randomise(model: nn.Module, seed: int = 0) -> nn.Module:
    """Give batch norms statistics and affine parameters far from the neutral ones."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in (
                (module.running_mean, -0.3, 0.3), (module.running_var, 0.5, 2.0),
                (module.weight.data, 0.6, 1.6), (module.bias.data, -0.3, 0.3),
            ):  # fmt: skip
                tensor.uniform_(low, high, generator=generator)
        elif isinstance(module, nn.Linear):
            module.weight.data.normal_(0, 0.1, generator=generator)
            module.bias.data.normal_(0, 0.1, generator=generator)
    return model.eval()


def torchvision_model(name: str) -> nn.Module:
    return models.get_model(name, weights=None, num_classes=CLASSES)


# name: how it is made, its target layer, whether its head is GAP + linear from there
ARCHITECTURES = {
    "plain_cnn": (plain_cnn, "5", True),
    "plain_cnn_before_relu": (plain_cnn, "4", False),
    "vgg_like": (VggLike, "features", False),
    "resnet18": (lambda: torchvision_model("resnet18"), "layer4", True),
    "resnet18_middle": (lambda: torchvision_model("resnet18"), "layer3", False),
    "mobilenet_v2": (lambda: torchvision_model("mobilenet_v2"), "features", True),
    "mobilenet_v3_small": (lambda: torchvision_model("mobilenet_v3_small"), "features", False),
    "densenet121": (lambda: torchvision_model("densenet121"), "features", False),
    "squeezenet1_0": (lambda: torchvision_model("squeezenet1_0"), "features", False),
}


def build(name: str) -> tuple[nn.Module, str, bool]:
    """The model in eval mode, its target layer, whether the head is GAP + linear."""
    make, layer, gap_linear = ARCHITECTURES[name]
    torch.manual_seed(sum(map(ord, name)))
    return randomise(make()), layer, gap_linear


def noise(count: int, side: int = 64, seed: int = 1) -> Tensor:
    """Images (count, 3, side, side), float32, with structure at two scales."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn((count, 3, 4, 4), generator=generator)
    fine = torch.randn((count, 3, side, side), generator=generator)
    return nn.functional.interpolate(coarse, size=(side, side), mode="bilinear") + 0.3 * fine
