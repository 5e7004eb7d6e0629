"""One small net, written in the ways in which people write nets, and a way back by hand."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 5
Rule = Callable[[Tensor, Tensor], Tensor]


class Layers(nn.Module):
    """conv, ReLU, overlapping max-pool, conv, ReLU, + branch, ReLU, linear, ReLU, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1)
        self.pool = nn.MaxPool2d(3, 2)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1)
        self.linear1 = nn.Linear(6 * 5 * 5, 12)
        self.linear2 = nn.Linear(12, CLASSES)

    def run(self, images: Tensor, relus: list[Callable[[Tensor], Tensor]]) -> Tensor:
        x = self.pool(relus[0](self.conv1(images)))
        x = relus[2](self.conv2(relus[1](-x + 0.2)) + x)
        x = relus[3](self.linear1(x.flatten(1)))
        return self.linear2(x)


class Modules(Layers):
    """A module of its own for each ReLU: the only way that captum knows."""

    def __init__(self) -> None:
        super().__init__()
        self.relus = nn.ModuleList(nn.ReLU() for _ in range(4))

    def forward(self, images: Tensor) -> Tensor:
        return self.run(images, list(self.relus))


class Shared(Layers):
    """One in-place module for all."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, images: Tensor) -> Tensor:
        return self.run(images, [self.relu] * 4)


class Functional(Layers):
    """Functions and methods, one of them in place."""

    def forward(self, images: Tensor) -> Tensor:
        kinds = [functional.relu, torch.relu, torch.relu_, lambda x: x.relu()]
        return self.run(images, kinds)


class Clamped(Layers):
    """ReLU in other words."""

    def forward(self, images: Tensor) -> Tensor:
        kinds = [
            lambda x: x.clamp(min=0),
            lambda x: torch.clamp_min(x, 0),
            lambda x: functional.threshold(x, 0, 0),
            lambda x: functional.hardtanh(x, 0, 1e9),
        ]
        return self.run(images, kinds)


WRITTEN = [Modules, Shared, Functional, Clamped]


def small_net(kind: type[Layers]) -> Layers:
    torch.manual_seed(3)
    return kind().eval()


def by_hand(net: Layers, images: Tensor, class_idx: int, rule: Rule) -> Tensor:
    """The way back, step by step in float64: `rule` takes a ReLU's input and the signal."""
    w = {name: parameter.detach().double() for name, parameter in net.named_parameters()}
    x = images.double()
    a1 = functional.conv2d(x, w["conv1.weight"], w["conv1.bias"], padding=1)
    p, switches = functional.max_pool2d(a1.clamp(min=0), 3, 2, return_indices=True)
    b = -p + 0.2
    a2 = functional.conv2d(b.clamp(min=0), w["conv2.weight"], w["conv2.bias"], padding=1) + p
    a3 = a2.clamp(min=0).flatten(1) @ w["linear1.weight"].T + w["linear1.bias"]

    back = rule(a3, w["linear2.weight"][class_idx].expand(len(x), -1))
    back = rule(a2, (back @ w["linear1.weight"]).view_as(a2))
    branch = rule(b, functional.conv_transpose2d(back, w["conv2.weight"], padding=1))
    return _unpool_and_filter(back - branch, switches, a1, w["conv1.weight"], rule)


def _unpool_and_filter(
    back: Tensor, switches: Tensor, before: Tensor, filters: Tensor, rule: Rule
) -> Tensor:
    unpooled = torch.zeros_like(before).flatten(2)
    for image, unit in [(i, k) for i in range(before.shape[0]) for k in range(before.shape[1])]:
        for value, place in zip(
            back[image, unit].flatten(), switches[image, unit].flatten(), strict=True
        ):
            unpooled[image, unit, place] += value
    return functional.conv_transpose2d(rule(before, unpooled.view_as(before)), filters, padding=1)
