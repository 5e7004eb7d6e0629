"""What the methods that ask the model again share: its callables, and batches of questions."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# score(images (B, C, h, w), of (B,) int64) -> (B,): the class score of each row, where row b
# is a variant of image number of[b] of the batch, so that the callee knows which class is meant.
ImageScore = Callable[[Tensor, Tensor], Tensor]

# score(activations (B, K, H, W), of (B,) int64) -> (B,): the same, with these activations in
# place of the target layer's output; only what follows that layer need be run.
ActivationScore = Callable[[Tensor, Tensor], Tensor]


def channel_scores(
    chosen: Tensor, score: Callable[[Tensor, Tensor], Tensor], batch_size: int
) -> Tensor:
    """Scores of the chosen channels, in batches that mix images, without gradients.

    chosen : Tensor, shape (N, K), bool
    score : score(of (B,), channel (B,)) -> (B,), with B at most `batch_size`
    batch_size : rows per call, at least 1

    Returns: Tensor, shape (number of chosen channels,), in the order of `chosen.nonzero()`.

    Raises: ValueError for a batch size below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected at least 1 row per forward")
    image_idx, channel_idx = chosen.nonzero(as_tuple=True)
    if not len(image_idx):
        return chosen.new_zeros(0, dtype=torch.get_default_dtype())
    batches = zip(image_idx.split(batch_size), channel_idx.split(batch_size), strict=True)
    with torch.no_grad():
        return torch.cat([score(of, channel) for of, channel in batches])


def one_score_per_row(scores: Tensor, rows: int) -> Tensor:
    """`scores` as they are.

    Raises: ValueError unless their shape is (rows,).
    """
    if scores.shape != (rows,):
        raise ValueError(
            f"score returned shape {tuple(scores.shape)} for {rows} rows; expected ({rows},), "
            "the score of the one class asked for in each row"
        )
    return scores


def as_many(images: Tensor, activations: Tensor) -> None:
    """Raises: ValueError where images and activations differ in number."""
    if len(images) != len(activations):
        raise ValueError(
            f"{len(images)} images but activations of {len(activations)}; expected as many"
        )


def shared_noise(shape: Sequence[int], samples: int, seed: int, like: Tensor) -> Tensor:
    """Standard normal noise, the same for every image, so that no result depends on the batch.

    Drawn on the CPU in float32, so that every device and precision gets the same.

    Returns: Tensor, shape (samples, *shape), of the dtype and device of `like`.

    Raises: ValueError for less than one sample.
    """
    if samples < 1:
        raise ValueError(f"samples is {samples}; expected at least 1")
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((samples, *shape), generator=generator, dtype=torch.float32).to(like)
