"""The full-gradient decomposition of a ReLU network's score (arXiv:1905.00780)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cam_kernels.methods.precision import widened

Scores = Callable[[Tensor], Tensor]

_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_WITH_BIAS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, *_BATCH_NORMS)


@dataclass(frozen=True)
class FullGradients:
    """The decomposition: score = sum of the input term + sums of all bias terms.

    scores : Tensor, shape (N,)
    input_term : Tensor, shape (N, C, H, W), input gradient x input
    bias_terms : for each layer with a bias, in the order in which they ran, gradient x bias;
        shape (N, K, h, w) for a layer with a grid, otherwise that of its output
    """

    scores: Tensor
    input_term: Tensor
    bias_terms: list[Tensor]

    def total(self) -> Tensor:
        """What the terms add up to, shape (N,): the scores, for a ReLU network."""
        terms = [self.input_term, *self.bias_terms]
        return torch.stack([term.flatten(1).sum(dim=1) for term in terms]).sum(dim=0)


def full_gradients(model: nn.Module, images: Tensor, score: Scores) -> FullGradients:
    """Decompose a score into what the input and what each bias contribute.

    Exact for networks that are linear between kinks through the origin: convolutions, linear
    layers and batch norms (with the implicit bias b - w m / s of their statistics) between
    ReLU, LeakyReLU, max and average pooling, sums and concatenations. Anything else (a
    saturated ReLU6, SiLU, GELU, gates, layer norms, attention, a bias that is a bare
    parameter) has implicit biases that are left out, as they are in the authors' code:
    comparing `total()` with `scores` tells by how much the decomposition then falls short.

    model : nn.Module in eval mode; it is not changed
    images : Tensor, shape (N, C, H, W), as the model takes them
    score : from logits of shape (N, classes) to scores of shape (N,), one image each

    Raises: ValueError for a batch norm that uses the batch, or scores of another shape.
    """
    _require_fixed_statistics(model)
    with torch.inference_mode(False), torch.enable_grad():
        leaf = images.detach().clone().requires_grad_()
        with _outputs_and_biases(model) as seen:
            scores = score(model(leaf))
        _require_one_score_per_image(scores, len(images))
        sources = [leaf, *(output for output, _ in seen)]
        gradients = torch.autograd.grad(scores.sum(), sources, materialize_grads=True)
    return FullGradients(
        scores=widened(scores.detach()),
        input_term=widened(gradients[0]) * widened(leaf.detach()),
        bias_terms=[
            widened(gradient) * bias
            for gradient, (_, bias) in zip(gradients[1:], seen, strict=True)
        ],
    )


@contextmanager
def _outputs_and_biases(model: nn.Module) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """While open, collects the output of each layer that has a bias, and that bias."""
    seen: list[tuple[Tensor, Tensor]] = []

    def collect(module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        bias = _bias_of(module)
        if bias is None:
            return output
        over_positions = () if isinstance(module, nn.Linear) else (1,) * (output.ndim - 2)
        seen.append((output, bias.view(-1, *over_positions)))
        return output.clone()  # an in-place successor would change what was noted

    layers = [module for module in model.modules() if isinstance(module, _WITH_BIAS)]
    handles = [layer.register_forward_hook(collect) for layer in layers]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _bias_of(module: Any) -> Tensor | None:
    """What the layer adds to a linear function of its input, shape (K,); None for nothing."""
    bias = None if module.bias is None else widened(module.bias.detach())
    if not isinstance(module, _BATCH_NORMS):
        return bias
    norm: Any = module
    mean, variance = widened(norm.running_mean), widened(norm.running_var)
    scale = 1 / (variance + norm.eps).sqrt()
    if norm.weight is not None:
        scale = scale * widened(norm.weight.detach())
    return -mean * scale if bias is None else bias - mean * scale


def _require_fixed_statistics(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if isinstance(module, _BATCH_NORMS) and (module.training or module.running_mean is None):
            raise ValueError(
                f"FullGrad needs batch norms with fixed statistics, but {name!r} uses those of "
                "the batch; expected a model in eval mode. Call model.eval() first"
            )


def _require_one_score_per_image(scores: Tensor, images: int) -> None:
    if scores.shape != (images,):
        raise ValueError(
            f"expected one score per image, shape ({images},); the score function returned "
            f"shape {tuple(scores.shape)}. Pick one logit of each image"
        )
