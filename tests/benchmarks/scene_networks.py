"""AlexNet and VGG11 for rendered scenes; a training loads them as `scene_networks.py:FUNCTION`."""

from torch import nn
from torchvision import models

CLASSES = 6


def alexnet() -> nn.Module:
    """With the initial weights of arXiv:1502.01852: on torchvision's the first epochs of so small
    a set are lost, as signals shrink from layer to layer."""
    network: nn.Module = models.alexnet(num_classes=CLASSES)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)
    nn.init.normal_(network.classifier[6].weight, std=0.01)
    return network


def vgg11_bn() -> nn.Module:
    """As torchvision has it."""
    network: nn.Module = models.vgg11_bn(num_classes=CLASSES)
    return network
