"""Networks cut behind their last fine grid, with a head whose class activation maps are exact.

Section 3.1 of arXiv:1512.04150: all layers behind the last one with a mapping resolution of 13 or
14 cells are removed (AlexNet behind conv5, VGG behind conv5-3, GoogLeNet behind inception4e), and
a 3 x 3 convolution with stride 1, padding 1 and 1024 units, global pooling and one linear layer
take their place. Of our own is a norm ahead of the convolution: trunks differ in scale (the root
mean square of what SqueezeNet puts out is 44, of MobileNetV2 0.6), and so one rate suits all.
"""

import copy
import math
from collections import OrderedDict
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torchvision.models.feature_extraction import create_feature_extractor

from tasks.errors import AuditError
from tasks.model.cam_cut import cut_point
from tasks.model.graph_values import tracer_options
from tasks.model.loaded import or_explain

CamPooling = Literal["gap", "gmp"]

_POOLS = {"gap": nn.AdaptiveAvgPool2d, "gmp": nn.AdaptiveMaxPool2d}
_GRID = "grid"  # key of the trunk's output


class CamHeadNetwork(nn.Module):
    """A trunk that puts out a grid, and a head of convolution, global pooling and linear layer.

    trunk : maps images (N, C, H, W) to {"grid": (N, K, rows, cols)}
    head : maps that grid to logits (N, classes); its parts are norm, conv, relu, pool,
        flatten and linear
    """

    def __init__(self, trunk: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Logits, shape (N, classes), float."""
        logits: Tensor = self.head(self.grid(images))
        return logits

    def __deepcopy__(self, memo: dict[int, Any]) -> "CamHeadNetwork":
        """A copy in the same mode; torchvision's trunks alone come back in training mode."""
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo))
        copied.trunk.train(self.trunk.training)  # the graph of this mode
        for own, other in zip(self.modules(), copied.modules(), strict=True):
            other.training = own.training
        return copied

    def grid(self, images: Tensor) -> Tensor:
        """What the head is given: shape (N, K, rows, cols), float."""
        grid: Tensor = self.trunk(images)[_GRID]
        return grid


def with_cam_head(
    module: nn.Module,
    cut: str,
    num_classes: int,
    pooling: str,
    images: Tensor,
    units: int = 1024,
) -> CamHeadNetwork:
    """A copy of `module` up to `cut`, with an untrained head behind it; no parameter past the cut
    is kept, and those before it have their names, below `trunk`.

    The head's weights are drawn from torch's generator: the convolution's as for a ReLU
    (arXiv:1502.01852), the linear layer's with a deviation of 0.01. Its norm, without weights, is
    a batch norm in training; in eval mode it divides all by one number, the root mean square
    for `images`, unless it has been trained.

    cut : name of a layer or operation, as `choose_cut` gives it
    pooling : "gap" or "gmp", global average or maximum pooling
    images : Tensor, shape (N, C, H, W), as the module takes them
    units : of the convolution; the paper's 1024

    Raises: AuditError for an unknown cut, one whose output is no grid (N, K, rows, cols) or not
    all that later layers get, and for a network that cannot be traced.
    """
    if pooling not in get_args(CamPooling):
        raise AuditError(f"the head's pooling is {pooling!r}; expected 'gap' or 'gmp'")
    if num_classes < 2 or units < 1:
        raise AuditError(
            f"a head of {units} units and {num_classes} classes was asked for; expected at least "
            "one unit and two classes"
        )
    channels = cut_point(module, cut, images).layout.channels
    network = CamHeadNetwork(_trunk(module, cut), _head(channels, units, num_classes, pooling))
    network.to(images.device).eval()
    with torch.no_grad():
        _set_scale(network.head, network.grid(images))
    return network.train(module.training)


def _trunk(module: nn.Module, cut: str) -> nn.Module:
    """A copy up to the cut, traced in both modes: dropout and batch norm do in each what they
    did before."""
    trunk: nn.Module = or_explain(
        lambda: create_feature_extractor(
            copy.deepcopy(module),
            {cut: _GRID},
            tracer_kwargs=tracer_options(module),
            suppress_diff_warning=True,
        ),
        f"{type(module).__name__} cannot be cut behind {cut!r} for training",
    )
    return trunk


def _set_scale(head: nn.Module, grid: Tensor) -> None:
    """Let the norm divide by the root mean square of a grid."""
    mean_square = float(grid.double().square().mean())
    if 0 < mean_square < math.inf:  # an untrained trunk may explode, or be dead
        norm = head.get_submodule("norm")
        norm.get_buffer("running_var").fill_(mean_square)


def _head(channels: int, units: int, num_classes: int, pooling: str) -> nn.Module:
    conv = nn.Conv2d(channels, units, 3, padding=1)
    linear = nn.Linear(units, num_classes)
    nn.init.kaiming_normal_(conv.weight, mode="fan_in", nonlinearity="relu")
    nn.init.normal_(linear.weight, std=0.01)
    for layer in (conv, linear):
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    parts: list[tuple[str, nn.Module]] = [
        ("norm", nn.BatchNorm2d(channels, affine=False)),
        ("conv", conv),
        ("relu", nn.ReLU()),
        ("pool", _POOLS[pooling](1)),
        ("flatten", nn.Flatten()),
        ("linear", linear),
    ]
    return nn.Sequential(OrderedDict(parts))
