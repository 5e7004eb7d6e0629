"""Features on one scale for training, and the trained layer written back for raw ones."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Standardisation:
    """Features less their mean, over their standard deviation, so that one rate suits all.

    mean, std : shape (K,), float32; std above 0
    """

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, features: Tensor) -> "Standardisation":
        """Of the features that train, shape (N, K)."""
        values = features.double()
        std = values.std(dim=0, correction=0)
        return cls(values.mean(dim=0).float(), torch.where(std > 0, std, 1.0).float())

    def __call__(self, features: Tensor) -> Tensor:
        return (features - self.mean) / self.std

    def to(self, device: torch.device) -> "Standardisation":
        """The same on a device."""
        return replace(self, mean=self.mean.to(device), std=self.std.to(device))

    def fold(self, head: nn.Linear, into: nn.Module) -> None:
        """Write a layer on standardised features as one on the features themselves."""
        weight = head.weight.detach().double() / self.std.double()
        bias = head.bias.detach().double() - weight @ self.mean.double()
        into.load_state_dict({"weight": weight.float(), "bias": bias.float()})
