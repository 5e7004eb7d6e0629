"""AlexNet and VGG11 for rendered scenes; a training loads them as `scene_networks.py:FUNCTION`.

Their fully connected layers have 512 units instead of 4096, and less dropout: a thousand scenes of
six classes fill no more.
"""

from torch import nn
from torchvision import models

CLASSES, UNITS, DROPOUT = 6, 512, 0.2


def alexnet() -> nn.Module:
    """With the initial weights of arXiv:1502.01852, as VGG has them: on torchvision's, signals
    shrink from layer to layer, and the first epochs of so small a set are lost."""
    network: nn.Module = models.alexnet(num_classes=CLASSES)
    network.classifier = _classifier(256 * 6 * 6)
    return _initialised(network)


def vgg11_bn() -> nn.Module:
    """At a quarter of its width, and with batch norm, so that a core trains it in minutes."""
    channels: list[str | int] = [c if c == "M" else int(c) // 4 for c in models.vgg.cfgs["A"]]
    network: nn.Module = models.VGG(
        models.vgg.make_layers(channels, batch_norm=True), init_weights=False
    )
    network.classifier = _classifier(512 // 4 * 7 * 7)
    return _initialised(network)


def _classifier(inputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(inputs, UNITS), nn.ReLU(), nn.Dropout(DROPOUT),
        nn.Linear(UNITS, UNITS), nn.ReLU(), nn.Dropout(DROPOUT),
        nn.Linear(UNITS, CLASSES),
    )  # fmt: skip


def _initialised(network: nn.Module) -> nn.Module:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)
    return network
