"""Trains the sample's classifier on rendered scenes, and runs it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from tasks.sample.model import build

# Of the training images, measured once and rounded; in RGB, of values in [0, 1].
MEAN = (0.5, 0.5, 0.43)
STD = (0.23, 0.19, 0.28)
BATCH = 64
EPOCHS = 15


def to_input(images: np.ndarray) -> Tensor:
    """Normalise images (N, H, W, 3), uint8 RGB, to float32 (N, 3, H, W), channels last."""
    scaled = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    return (scaled - mean) / std


def predict_logits(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Run the model on images (N, H, W, 3), uint8 RGB; returns logits (N, classes), float32."""
    model.eval()
    with torch.inference_mode():
        batches = [
            model(to_input(images[start : start + 256])) for start in range(0, len(images), 256)
        ]
    return torch.cat(batches).numpy()


def train(
    images: np.ndarray,
    labels: np.ndarray,
    epochs: int,
    seed: int,
    on_epoch: Callable[[int, float, float], None],
    build_model: Callable[[int], nn.Module] = build,
) -> nn.Module:
    """Train the classifier with SGD under a one-cycle learning rate; seeded.

    Parameters
    ----------
    images : ndarray, shape (N, 96, 96, 3), uint8 RGB.
    labels : ndarray, shape (N,), int64 class indices.
    on_epoch : called after each epoch with its number from 1, mean loss and accuracy.
    build_model : makes the untrained network of so many classes.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = build_model(int(labels.max()) + 1).to(memory_format=torch.channels_last)
    steps = epochs * (len(images) // BATCH)
    optimizer = torch.optim.SGD(
        model.parameters(), momentum=0.9, nesterov=True, weight_decay=5e-4, lr=0.1
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.12, total_steps=steps)
    for epoch in range(1, epochs + 1):
        model.train()
        order = rng.permutation(len(images))[: len(images) // BATCH * BATCH].reshape(-1, BATCH)
        losses, hits = [], 0
        for rows in order:
            target = torch.from_numpy(labels[rows])
            logits = model(to_input(_flip(images[rows], rng)))
            loss = nn.functional.cross_entropy(logits, target)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            hits += int((logits.argmax(1) == target).sum())
        on_epoch(epoch, float(np.mean(losses)), hits / order.size)
    return model.eval()


def _flip(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror about half of the images from left to right."""
    mirrored = rng.random(len(images)) < 0.5
    return np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
