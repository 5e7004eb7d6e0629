"""The sample's classifier: a small residual network with global average pooling.

It stands alone (torch is its only import), because an audit loads it from its path as
`tasks/sample/model.py:build`.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside a 1 x 1 shortcut: (N, C, H, W) to (N, K, H / s, W / s)."""

    def __init__(self, channels: int, widened: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, widened, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(widened)
        self.conv2 = nn.Conv2d(widened, widened, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(widened)
        self.shortcut = nn.Conv2d(channels, widened, 1, stride, bias=False)
        self.shortcut_norm = nn.BatchNorm2d(widened)
        self.relu = nn.ReLU()

    def forward(self, features: Tensor) -> Tensor:
        """Return the block's features, after the ReLU."""
        branch = self.relu(self.norm1(self.conv1(features)))
        branch = self.norm2(self.conv2(branch))
        joined: Tensor = self.relu(branch + self.shortcut_norm(self.shortcut(features)))
        return joined


def build(num_classes: int = 6) -> nn.Module:
    """Build the untrained network.

    It maps float32 images (N, 3, 96, 96), normalised with the sample's mean and standard
    deviation, to logits (N, num_classes). The last features, of `stage3`, are a 12 x 12 grid
    of 96 units; the head is linear on their means, so class activation maps are exact.
    """
    stem = nn.Sequential(
        nn.Conv2d(3, 16, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(16), nn.ReLU()
    )
    return nn.Sequential(
        OrderedDict(
            stem=stem,
            stage1=ResidualBlock(16, 32, stride=2),
            stage2=ResidualBlock(32, 64, stride=2),
            stage3=ResidualBlock(64, 96, stride=1),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            head=nn.Linear(96, num_classes),
        )
    )
