"""The gradient of the score at the pixels, plain and averaged over noisy copies."""

import torch
from torch import Tensor, nn

from cam_kernels.saliency.score_gradient import (
    Score,
    check_images,
    check_scores,
    score_gradient,
)


def vanilla_gradient(model: nn.Module, images: Tensor, score: Score) -> Tensor:
    """The gradient of the score with respect to the image (eq. 4, arXiv:1312.6034), signed.

    The paper draws the largest absolute value over the colour channels; that is left to the
    picture. One forward and one backward.

    model : nn.Module in eval mode
    images : Tensor, shape (N, C, H, W), floating point, as the model takes them
    score : from the model's output to a Tensor of shape (N,)

    Returns: Tensor, shape and dtype of `images`, any sign; NaN for an image whose score is not
    finite.

    Raises: ValueError as `score_gradient` does.
    """
    return score_gradient(model, images, score)


def smoothgrad(
    model: nn.Module,
    images: Tensor,
    score: Score,
    *,
    samples: int = 25,
    noise: float = 0.15,
    seed: int = 0,
    images_per_forward: int = 32,
) -> Tensor:
    """SmoothGrad: the mean gradient over noisy copies of the image (section 3, arXiv:1706.03825).

    M(x) = 1/n sum_i dS(x + e_i)/dx, with e_i ~ N(0, sigma^2) and sigma = `noise` times the
    largest less the smallest value of the image (the paper's "noise level": 0.1 to 0.2).
    Costs `samples` forwards and backwards of every image.

    The noise of sample i is the i-th draw of shape (C, H, W) from a CPU generator, the same for
    every image up to sigma, so that an image's result does not depend on its neighbours.

    model, images, score : as for `vanilla_gradient`; where several copies go into one forward,
        `score` is called with each run of N rows of the model's output, which must be a Tensor
    samples : noisy copies of each image, at least 1
    noise : share of the image's value range, >= 0
    seed : of the generator
    images_per_forward : the most images that one forward gets (N of them, if N is larger)

    Returns: Tensor, shape and dtype of `images`, any sign; NaN for an image with a copy whose
    score is not finite.

    Raises: ValueError as `score_gradient` does, and for numbers out of range.
    """
    check_images(images)
    if samples < 1 or not noise >= 0 or images_per_forward < 1:
        raise ValueError(
            f"samples is {samples}, noise {noise}, images_per_forward {images_per_forward}; "
            "expected at least 1, at least 0 and at least 1"
        )
    generator = torch.Generator().manual_seed(seed)
    sigma = noise * (images.amax(dim=(1, 2, 3)) - images.amin(dim=(1, 2, 3)))
    count = len(images)
    total = torch.zeros_like(images, dtype=torch.float64)
    copies = max(1, images_per_forward // max(1, count))
    for start in range(0, samples, copies):
        draws = [
            torch.randn(images.shape[1:], generator=generator).to(images)
            for _ in range(min(copies, samples - start))
        ]
        noisy = torch.cat([images + sigma[:, None, None, None] * draw for draw in draws])
        of_each_run = score if len(draws) == 1 else _score_of_runs(score, count)
        total += score_gradient(model, noisy, of_each_run).view(-1, *images.shape).double().sum(0)
    return (total / samples).to(images)


def _score_of_runs(score: Score, count: int) -> Score:
    """The score of several batches of `count` images that went through the model as one."""

    def of_each_run(output: object) -> Tensor:
        if not isinstance(output, Tensor):
            raise ValueError(
                f"the model returns {type(output).__name__}, which cannot be cut into runs of "
                f"{count} images; expected a Tensor. Pass images_per_forward=1"
            )
        scores = [score(run) for run in output.split(count)]
        for run in scores:
            check_scores(run, count)
        return torch.cat(scores)

    return of_each_run
