"""A small network whose probability depends on every pixel, in float64."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from tests.cam_kernels.faithfulness.slow import Floats


@dataclass(frozen=True)
class Classifier:
    """images : (N, C, h, w) float64; class_idx : (N,); `score` counts its calls' rows."""

    model: nn.Module
    images: Tensor
    class_idx: Tensor
    rows: list[int]

    def score(self, images: Tensor, of: Tensor) -> Tensor:
        self.rows.append(len(images))
        chosen = self.class_idx[of][:, None]
        return self.model(images).softmax(dim=1).gather(1, chosen)[:, 0]

    def score_one(self, n: int, image: Floats) -> float:
        """The probability of image n's class for one changed image."""
        with torch.no_grad():
            logits = self.model(torch.from_numpy(image)[None])[0].tolist()
        largest = max(logits)
        weights = [2.718281828459045 ** (logit - largest) for logit in logits]
        return weights[int(self.class_idx[n])] / sum(weights)


@pytest.fixture
def classifier() -> Classifier:
    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.Tanh(), nn.AdaptiveAvgPool2d(3), nn.Flatten(),
        nn.Linear(54, 4),
    ).double()  # fmt: skip
    nn.init.normal_(model[4].weight, std=1.0)
    images = torch.randn((5, 3, 13, 11), dtype=torch.float64)
    return Classifier(model.eval(), images, torch.tensor([0, 3, 1, 2, 0]), [])


@pytest.fixture
def maps() -> Tensor:
    """With a large tie at zero, as after a ReLU."""
    generator = torch.Generator().manual_seed(5)
    return torch.randn((5, 4, 3), generator=generator).relu()
