"""Trains the benchmark's classifiers: one start per seed on unbiased pictures, then the arms."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from tasks.sample.training import to_input
from tests.planted.model import build

BATCH = 64


def train(
    epochs: Iterator[tuple[np.ndarray, np.ndarray]],
    count: int,
    seed: int,
    learning_rate: float,
    start: nn.Module | None = None,
) -> nn.Module:
    """Train with SGD under a one-cycle learning rate; seeded, on this process's threads.

    Parameters
    ----------
    epochs : for each epoch its images (N, 64, 64, 3), uint8 RGB, and labels (N,), int64
    count : number of epochs
    start : the model to go on from; it is left as it is. None: a new one
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 3])
    model = build().to(memory_format=torch.channels_last)
    if start is not None:
        model.load_state_dict(start.state_dict())
    optimizer = torch.optim.SGD(
        model.parameters(), momentum=0.9, nesterov=True, weight_decay=5e-4, lr=learning_rate
    )
    schedule: torch.optim.lr_scheduler.OneCycleLR | None = None
    for images, labels in epochs:
        steps = len(images) // BATCH
        schedule = schedule or torch.optim.lr_scheduler.OneCycleLR(
            optimizer, learning_rate, count * steps
        )
        model.train()
        for rows in rng.permutation(len(images))[: steps * BATCH].reshape(steps, BATCH):
            mirrored = rng.random(BATCH) < 0.5
            batch = np.where(mirrored[:, None, None, None], images[rows, :, ::-1], images[rows])
            logits = model(to_input(batch))
            loss = nn.functional.cross_entropy(logits, torch.from_numpy(labels[rows]))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()
