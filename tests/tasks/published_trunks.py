"""Published networks, and by hand where section 3.1 of arXiv:1512.04150 cuts them."""

from typing import NamedTuple

import timm
import torch
from torch import Tensor, nn
from torchvision import models


class Trunk(NamedTuple):
    """last : the layer whose output the head is given
    kept : layers that remain, by the beginnings of their parameters' names
    channels, cells : of the grid
    side : of the images
    """

    last: str
    kept: tuple[str, ...]
    channels: int
    cells: int
    side: int = 224


def _within(name: str, *numbers: int) -> tuple[str, ...]:
    return tuple(f"{name}.{number}" for number in numbers)


_RESNET = ("conv1", "bn1", "layer1", "layer2", "layer3")
_INCEPTION = (
    "Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3",
    "Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e",
)  # fmt: skip
_DENSENET = tuple(
    f"features.{name}"
    for name in (
        "conv0", "norm0", "denseblock1", "transition1", "denseblock2", "transition2",
        "denseblock3", "transition3.norm",
    )
)  # fmt: skip
_GOOGLENET = (
    "conv1", "conv2", "conv3", "inception3a", "inception3b",
    *(f"inception4{letter}" for letter in "abcde"),
)  # fmt: skip
_TIMM_MOBILE = ("conv_stem", "bn1", "blocks.0", "blocks.1", "blocks.2", "blocks.3")

TRUNKS = {
    "alexnet": Trunk("features.11", _within("features", 0, 3, 6, 8, 10), 256, 13),
    "vgg11": Trunk("features.19", _within("features", 0, 3, 6, 8, 11, 13, 16, 18), 512, 14),
    "vgg16_bn": Trunk("features.42", _within("features", *range(42)), 512, 14),
    "googlenet": Trunk("inception4e", _GOOGLENET, 832, 14),
    "squeezenet1_0": Trunk("features", ("features",), 512, 13),
    "squeezenet1_1": Trunk("features", ("features",), 512, 13),
    "resnet18": Trunk("layer3", _RESNET, 256, 14),
    "resnet50": Trunk("layer3", _RESNET, 1024, 14),
    "mobilenet_v2": Trunk(
        "features.14.conv.0", (*_within("features", *range(14)), "features.14.conv.0"), 576, 14
    ),
    "mobilenet_v3_small": Trunk(
        "features.9.block.0", (*_within("features", *range(9)), "features.9.block.0"), 288, 14
    ),
    "mobilenet_v3_large": Trunk(
        "features.13.block.0", (*_within("features", *range(13)), "features.13.block.0"), 672, 14
    ),
    "densenet121": Trunk("features.transition3.relu", _DENSENET, 1024, 14),
    "efficientnet_b0": Trunk(
        "features.6.0.block.0", (*_within("features", *range(6)), "features.6.0.block.0"), 672, 14
    ),
    "regnet_y_400mf": Trunk(
        "trunk_output.block3", ("stem", *(f"trunk_output.block{i}" for i in (1, 2, 3))), 208, 14
    ),
    "convnext_tiny": Trunk(
        "features.6.0", (*_within("features", *range(6)), "features.6.0"), 384, 14
    ),
    "shufflenet_v2_x1_0": Trunk("stage3", ("conv1", "stage2", "stage3"), 232, 14),
    "inception_v3": Trunk("Mixed_6e", _INCEPTION, 768, 17, 299),
    "mnasnet0_5": Trunk(
        "layers.12.0.layers.2",
        (*_within("layers", *range(12)), *_within("layers.12.0.layers", 0, 1)),
        288,
        14,
    ),
    "timm:resnet18": Trunk("layer3", _RESNET, 256, 14),
    "timm:tf_efficientnet_lite0": Trunk(
        "blocks.5.0.bn1",
        (*_TIMM_MOBILE, "blocks.4", *(f"blocks.5.0.{name}" for name in ("conv_pw", "bn1"))),
        672,
        14,
    ),
    "timm:mobilenetv3_small_100": Trunk(
        "blocks.4.0.bn1",
        (*_TIMM_MOBILE, *(f"blocks.4.0.{name}" for name in ("conv_pw", "bn1"))),
        288,
        14,
    ),
    "timm:convnext_atto": Trunk(
        "stages.3.downsample.0",
        ("stem", *_within("stages", 0, 1, 2), "stages.3.downsample.0"),
        160,
        14,
    ),
}  # fmt: skip


# Their fully connected layers take seconds to make and are cut off: name to features and norm.
_VGGS = {"vgg11": ("A", False), "vgg16_bn": ("D", True)}


def build(name: str) -> nn.Module:
    """The untrained network in eval mode, of 7 classes."""
    torch.manual_seed(0)
    if name.startswith("timm:"):
        return timm.create_model(name.removeprefix("timm:"), num_classes=7).eval()
    if name in _VGGS:
        letter, norm = _VGGS[name]
        with torch.device("meta"):
            network = models.get_model(name, weights=None)
        network.features = models.vgg.make_layers(models.vgg.cfgs[letter], batch_norm=norm)
        network.classifier = nn.Linear(512 * 7 * 7, 7)
        return network.eval()
    quick = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return models.get_model(name, weights=None, num_classes=7, **quick).eval()


def images(trunk: Trunk) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn((1, 3, trunk.side, trunk.side), generator=generator)
