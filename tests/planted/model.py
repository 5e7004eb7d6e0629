"""The benchmark's classifier; an audit loads it from its path as `tests/planted/model.py:build`."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from tasks.sample.model import ResidualBlock


def build(num_classes: int = 6) -> nn.Module:
    """Build the untrained network.

    It maps float32 images (N, 3, 64, 64), normalised, to logits (N, num_classes). The last
    features are an 8 x 8 grid of 64 units; the head is linear on their means.
    """
    stem = nn.Sequential(
        nn.Conv2d(3, 16, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(16), nn.ReLU()
    )
    return nn.Sequential(
        OrderedDict(
            stem=stem,
            stage1=ResidualBlock(16, 24, stride=2),
            stage2=ResidualBlock(24, 48, stride=2),
            stage3=ResidualBlock(48, 64, stride=1),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            head=nn.Linear(64, num_classes),
        )
    )
