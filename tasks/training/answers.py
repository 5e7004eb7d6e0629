"""What a module answers, and how right it is on the images that measure."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from tasks.training.batches import Batch, Shuffled

Prepare = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Data:
    """What is trained on and measured by.

    order : of `train`, for which the epoch is set
    prepare : the inputs of a batch to what the module takes
    """

    train: "DataLoader[Batch]"
    order: Shuffled
    validation: "DataLoader[Batch]"
    prepare: Prepare


@dataclass(frozen=True)
class Answers:
    """dtype : of the arithmetic; float32 is no autocast"""

    module: nn.Module
    data: Data
    dtype: torch.dtype
    device: torch.device

    def forward(self, batch: Batch, smoothing: float) -> tuple[Tensor, Tensor]:
        """Logits, and the weighted mean of the cross entropy in float32."""
        inputs = self.data.prepare(batch.inputs)
        enabled = self.dtype != torch.float32
        with torch.autocast(self.device.type, self.dtype, enabled=enabled):
            logits = self.module(inputs).float()
        losses = nn.functional.cross_entropy(
            logits, batch.labels, reduction="none", label_smoothing=smoothing
        )
        return logits, (batch.weights * losses).sum() / batch.weights.sum()

    def measure(self) -> tuple[float, float]:
        """Weighted loss and accuracy over the images that measure."""
        self.module.eval()
        loss, weight, right, count = 0.0, 0.0, 0, 0
        with torch.inference_mode():
            for each in self.data.validation:
                batch = each.to(self.device)
                logits, mean = self.forward(batch, 0.0)
                total = float(batch.weights.sum())
                loss, weight = loss + mean.item() * total, weight + total
                right += int((logits.argmax(dim=1) == batch.labels).sum())
                count += len(batch.labels)
        return loss / weight, right / count

    def predictions(self) -> npt.NDArray[np.int64]:
        """The class index of each image that measures, in order."""
        self.module.eval()
        found = []
        with torch.inference_mode():
            for each in self.data.validation:
                logits, _ = self.forward(each.to(self.device), 0.0)
                found.append(logits.argmax(dim=1).cpu())
        return torch.cat(found).numpy()
