"""Batches of a training: which images in which order, and as what."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import cpu_count
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from tasks.training.augmentation import Augmentation, seed_of
from tasks.training.pictures import Pictures, stack
from tasks.training.replaced import ReplacedBackgrounds

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """N examples.

    inputs : pictures, uint8, shape (N, 3, crop, crop), or features, shape (N, K)
    labels : int64, shape (N,)
    weights : float32, shape (N,): of the loss of each
    """

    inputs: Tensor
    labels: Tensor
    weights: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        parts = (self.inputs, self.labels, self.weights)
        return Batch(*(part.to(device, non_blocking=True) for part in parts))

    def pin_memory(self) -> "Batch":
        """Called by torch's loader beside a GPU."""
        return Batch(self.inputs.pin_memory(), self.labels.pin_memory(), self.weights.pin_memory())


Choice = tuple[int, list[int]]  # an epoch, and rows of the dataset


class Shuffled(Sampler[Choice]):
    """All rows in batches of nearly one size, in an order that seed and epoch tell alone.

    epoch : set before each; from 1 on
    """

    def __init__(self, rows: Rows, batch_size: int, seed: int) -> None:
        self.epoch = 1
        self._rows, self._seed = rows, seed
        steps = -(-len(rows) // batch_size)
        # One image alone has no variance, and batch normalisation needs it.
        self._steps = max(1, min(steps, len(rows) // 2)) if batch_size > 1 else steps

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[Choice]:
        order = np.random.default_rng(seed_of(self._seed, self.epoch)).permutation(self._rows)
        for rows in np.array_split(order, self._steps):
            yield self.epoch, rows.tolist()


class InOrder(Sampler[Choice]):
    """Rows as they come, for measuring."""

    def __init__(self, rows: Rows, batch_size: int) -> None:
        self._batches = [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Choice]:
        for rows in self._batches:
            yield 0, rows.tolist()


class PictureBatches(Dataset[Batch]):
    """Batches of pictures, as an audit cuts them or, with an augmentation, as it draws them.

    labels, weights : one for each of `pictures`
    replaced : pictures that sometimes stand in for those that are drawn
    """

    def __init__(
        self,
        pictures: Pictures,
        labels: Tensor,
        weights: Tensor,
        augmentation: Augmentation | None = None,
        replaced: ReplacedBackgrounds | None = None,
    ) -> None:
        self._pictures, self._labels, self._weights = pictures, labels, weights
        self._augmentation, self._replaced = augmentation, replaced

    def __getitem__(self, choice: Choice) -> Batch:
        epoch, rows = choice
        views = stack([self._view(row, epoch) for row in rows])
        return Batch(views, self._labels[rows], self._weights[rows])

    def _view(self, row: int, epoch: int) -> Tensor:
        if self._augmentation is None:
            return self._pictures.cut(row)
        other = None if self._replaced is None else self._replaced.draw(row, epoch)
        picture = self._pictures.resized(row) if other is None else other
        return self._augmentation(picture, epoch, row)


class FeatureBatches(Dataset[Batch]):
    """Batches of features, shape (N, K)."""

    def __init__(self, features: Tensor, labels: Tensor, weights: Tensor) -> None:
        self._features, self._labels, self._weights = features, labels, weights

    def __getitem__(self, choice: Choice) -> Batch:
        rows = choice[1]
        return Batch(self._features[rows].float(), self._labels[rows], self._weights[rows])


def load_batches(
    dataset: Dataset[Batch], order: Sampler[Choice], device: torch.device, workers: int | None
) -> "DataLoader[Batch]":
    """A loader of whole batches.

    workers : processes that read; None: none on a CPU, which has nothing to spare, and up to 8
        beside a GPU
    """
    if workers is None:
        workers = min(8, cpu_count()) if device.type == "cuda" else 0
    # A fork after a torch matmul hangs.
    several: dict[str, Any] = (
        {"multiprocessing_context": "spawn", "persistent_workers": True} if workers else {}
    )
    return DataLoader(
        dataset,
        sampler=order,
        batch_size=None,
        num_workers=workers,
        pin_memory=device.type == "cuda",
        **several,
    )


def class_weights(labels: Sequence[int] | Rows, num_classes: int) -> npt.NDArray[np.float32]:
    """N / (C n_c) for each class c: inverse frequency, with mean 1 over the images.

    labels : of the images that train, each class once or more

    Returns: shape (num_classes,), float32.
    """
    counts = np.bincount(np.asarray(labels, np.int64), minlength=num_classes)
    return (counts.sum() / (num_classes * counts)).astype(np.float32)
