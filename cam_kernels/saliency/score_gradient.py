"""The gradient of one score per image with respect to the pixels, whatever the caller's mode."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

# From what the model returns for N images to the number to explain of each: shape (N,). The
# number of an image must depend on that image alone.
Score = Callable[[Any], Tensor]
# Opened around the backward with the scores, whose graph it may hook.
BackwardRule = Callable[[Tensor], AbstractContextManager[None]]

_CHANGE_WITH_THE_BATCH = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)


def score_gradient(
    model: nn.Module, images: Tensor, score: Score, rule: BackwardRule | None = None
) -> Tensor:
    """dS_n / dx_n of each image n, with one forward and one backward for the batch.

    The model is left as it was: no hook, no `.grad`, no statistic. Its parameters may be
    frozen, and the caller may be in `torch.no_grad` or `torch.inference_mode`.

    model : nn.Module in eval mode
    images : Tensor, shape (N, C, H, W), floating point, as the model takes them
    score : from the model's output to a Tensor of shape (N,)
    rule : opened around the backward; None for the true gradient

    Returns: Tensor, shape, dtype and device of `images`, any sign, in units of the score per
    unit of the image. An image whose score is NaN or infinite gets NaN.

    Raises: ValueError for images of another shape or type, a model in training mode or with
    parameters made in inference mode, and a score of another shape or without a gradient.
    """
    check_images(images)
    _check_model(model)
    # The caller may be in no_grad or inference_mode.
    with torch.inference_mode(False), torch.enable_grad():
        pixels = images.detach().clone().requires_grad_()
        scores = score(model(pixels.clone()))  # a clone: the model may work on it in place
        check_scores(scores, len(images))
        with nullcontext() if rule is None else rule(scores):
            found = torch.autograd.grad(scores.sum(), pixels, allow_unused=True)[0]
    if found is None:
        raise ValueError(_NO_GRADIENT)
    # A NaN bias leaves every gradient finite: formally right, and no explanation of a NaN.
    finite = scores.detach().isfinite()[:, None, None, None]
    return torch.where(finite, found, torch.nan)


_NO_GRADIENT = (
    "the score does not depend on the images through operations that have a gradient; expected "
    "such a score, of a model that neither detaches them nor runs under torch.no_grad of its own. "
    "Score a logit or a probability, not the index of a class"
)


def check_images(images: Tensor) -> None:
    """Raises: ValueError unless the images have shape (N, C, H, W) and floating point."""
    if images.ndim != 4 or not images.is_floating_point():
        raise ValueError(
            f"the images have shape {tuple(images.shape)} and type {images.dtype}; expected "
            "(N, C, H, W) in floating point. Preprocess them as for the model"
        )


def check_scores(scores: object, count: int) -> None:
    """Raises: ValueError unless `scores` is a Tensor of shape (count,) that has a gradient."""
    if not isinstance(scores, Tensor):
        raise ValueError(
            f"the score is a {type(scores).__name__}; expected a Tensor of shape ({count},), "
            "one number per image. Return a tensor from the score function"
        )
    if scores.shape != (count,):
        raise ValueError(
            f"the score has shape {tuple(scores.shape)} for {count} images; expected ({count},), "
            "one number per image. Select one class, as in lambda logits: logits[:, class_idx]"
        )
    if not scores.requires_grad:
        raise ValueError(_NO_GRADIENT)


def _check_model(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if isinstance(module, _CHANGE_WITH_THE_BATCH) and module.training:
            raise ValueError(
                f"layer {name!r} ({type(module).__name__}) is in training mode; expected a model "
                "in eval mode, whose output for an image is its own. Call model.eval() first"
            )
    for name, parameter in model.named_parameters():
        if parameter.is_inference():
            raise ValueError(
                f"parameter {name!r} was made in torch.inference_mode and cannot take part in a "
                "backward; expected an ordinary one. Build and load the model outside of it"
            )
