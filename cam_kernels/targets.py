"""What is explained: one score per image, from the model's output."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cam_kernels.names import Scale

Target = Callable[[Any], Tensor]
"""From the model's output for N images to their scores, shape (N,)."""


@dataclass(frozen=True, eq=False)
class ClassScore:
    """The score of one class per image, of a model whose output is logits (N, classes).

    class_idx : Tensor, shape (N,), int64
    scale : the logit; the probability (softmax); or, for heads whose classes do not exclude
        each other, the logit's sigmoid
    known : the classes were taken from these very logits. They are not looked at then, which on
        a GPU would wait for all that was asked of it before

    Raises: ValueError, when called, for an output that is no logits of as many images, and for
    a class that they do not have.
    """

    class_idx: Tensor
    scale: Scale = "logit"
    known: bool = False

    def __call__(self, logits: Any) -> Tensor:
        self.check(logits)
        # A tensor made in inference mode could not be saved for the backward; its clone can.
        class_idx = self.class_idx.to(logits.device).clone()
        chosen = logits.gather(1, class_idx[:, None])[:, 0]
        if self.scale == "probability":
            return torch.exp(chosen - logits.logsumexp(dim=1))
        return chosen.sigmoid() if self.scale == "sigmoid" else chosen

    def check(self, logits: Any) -> None:
        """Raises: ValueError where these classes cannot be scored by the model's output."""
        if not isinstance(logits, Tensor) or logits.ndim != 2:
            what = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise ValueError(
                f"the model returns {what}; expected logits of shape (N, classes). Give a target "
                "that computes one score per image from what the model returns"
            )
        if self.class_idx.shape != logits.shape[:1]:
            raise ValueError(
                f"classes of shape {list(self.class_idx.shape)} for {len(logits)} images; "
                "expected one class per image"
            )
        if self.known:
            return
        wrong = self.class_idx[(self.class_idx < 0) | (self.class_idx >= logits.shape[1])]
        if len(wrong):
            raise ValueError(
                f"class {int(wrong[0])} is none of the model's {logits.shape[1]} classes; "
                f"expected 0 to {logits.shape[1] - 1}"
            )

    def of_variants(self, of: Tensor) -> "ClassScore":
        """The same score for variants of the images: row b is one of image `of[b]`."""
        return ClassScore(self.class_idx[of], self.scale, self.known)


def class_targets(class_idx: Tensor, scale: Scale = "logit") -> list[ClassScore]:
    """One target per column, for several classes per image.

    class_idx : Tensor, shape (N, M), int64, or (N,) for one class
    """
    columns = class_idx[:, None] if class_idx.ndim == 1 else class_idx
    return [ClassScore(column, scale) for column in columns.unbind(dim=1)]


def scores_of(target: Target, output: Any, images: int) -> Tensor:
    """The target's scores, shape (images,).

    Raises: ValueError where it gives another number of them.
    """
    scores = target(output)
    if not isinstance(scores, Tensor) or scores.shape != (images,):
        got = list(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise ValueError(f"the target gives {got} for {images} images; expected shape [{images}]")
    return scores
