"""FullGrad, restated on a network without branches by pushing affine pieces through it.

Between its kinks a ReLU network is affine. Its layers are walked in order; each bias is fed
through the rest of the network, linearised at the image, on its own: no backward pass at all.
"""

import copy
import functools

import numpy as np
import torch
from torch import Tensor, nn

from tests.reference import Floats


def bias_terms(model: nn.Sequential, image: Tensor, class_idx: int) -> list[Floats]:
    """Gradient x bias of each biased layer of a chain, input gradient x input first.

    image : (1, C, H, W). Each term has its layer's shape without the batch.
    """
    chain = copy.deepcopy(model).eval().double()
    terms, reached = [], image.double()
    with torch.no_grad():
        terms.append(_contributions(chain, 0, reached, reached, class_idx))
        for place, layer in enumerate(chain):
            without_bias = _linear_part(layer, reached)
            reached = layer(reached)
            bias = reached - without_bias
            if bias.abs().max() > 0:
                terms.append(_contributions(chain, place + 1, reached, bias, class_idx))
    return terms


def _linear_part(layer: nn.Module, value: Tensor) -> Tensor:
    """What the layer makes of its input without its bias: f(x) - f(0) for an affine layer."""
    if isinstance(layer, (nn.Conv2d, nn.Linear, nn.BatchNorm2d)):
        return layer(value) - layer(torch.zeros_like(value))
    return layer(value)


def _contributions(
    chain: nn.Sequential, start: int, at: Tensor, values: Tensor, class_idx: int
) -> Floats:
    """values x derivative of the logit, each cell by a directional derivative of the rest."""
    rest = chain[start:]

    def logit(point: Tensor) -> Tensor:
        return rest(point)[:, class_idx]

    directions = torch.eye(values.numel(), dtype=torch.float64).view(-1, *values.shape[1:])
    step = 1e-6
    slopes = (logit(at + step * directions) - logit(at - step * directions)) / (2 * step)
    return (slopes.view(values.shape[1:]) * values[0]).numpy()


def bias_terms_by_shifts(model: nn.Module, image: Tensor, class_idx: int) -> list[Floats]:
    """The same terms of any network: the logit's derivative by a shift of each layer's output.

    Layers come in the order in which they are registered, not that in which they run.
    """
    exact = copy.deepcopy(model).eval().double()
    shifts: dict[nn.Module, Tensor] = {}

    def shifted(layer: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        shifts[layer] = torch.zeros_like(output, requires_grad=True)
        return output + shifts[layer]

    layers = [m for m in exact.modules() if isinstance(m, (nn.Conv2d, nn.Linear, nn.BatchNorm2d))]
    for layer in layers:
        layer.register_forward_hook(shifted)
    leaf = image.double().requires_grad_()
    with torch.enable_grad():
        exact(leaf)[0, class_idx].backward()
    terms = [(leaf.grad * leaf)[0].detach().numpy()]
    for layer in layers:
        bias = layer.bias
        if isinstance(layer, nn.BatchNorm2d):
            spread = (layer.running_var + layer.eps).sqrt()
            bias = -layer.running_mean * layer.weight / spread + layer.bias
        if bias is not None:
            gradient = shifts[layer].grad[0]
            terms.append((gradient * bias.view(-1, *[1] * (gradient.ndim - 1))).detach().numpy())
    return terms


def fullgrad_map(terms: list[Floats], size: tuple[int, int]) -> Floats:
    """Absolute values, rescaled per layer, enlarged with corners aligned, summed: one image."""
    total = np.zeros(size)
    for term in (np.abs(term) for term in terms if term.ndim == 3):
        low, high = term.min(), term.max()
        for channel in term:
            share = (channel - low) / (high - low) if high > low else np.zeros_like(channel)
            total += enlarged(share, size, align_corners=True)
    return total


def enlarged(grid: Floats, size: tuple[int, int], *, align_corners: bool) -> Floats:
    """Bilinear enlargement: the share of each cell in each pixel, along rows and columns."""
    down, across = (
        _shares(cells, pixels, align_corners)
        for cells, pixels in zip(grid.shape, size, strict=True)
    )
    return down @ grid @ across.T


@functools.cache
def _shares(cells: int, pixels: int, align_corners: bool) -> Floats:
    shares = np.zeros((pixels, cells))
    for pixel in range(pixels):
        if align_corners:
            place = pixel * (cells - 1) / max(pixels - 1, 1)
        else:
            place = min(max((pixel + 0.5) * cells / pixels - 0.5, 0.0), cells - 1)
        low = int(place)
        shares[pixel, low] += 1 - (place - low)
        shares[pixel, min(low + 1, cells - 1)] += place - low
    return shares


def fullgrad_maps(model: nn.Module, images: Tensor, class_idx: list[int]) -> Floats:
    """FullGrad of any network, one image at a time. Shape (N, H, W)."""
    size = (images.shape[2], images.shape[3])
    maps = []
    for n, c in enumerate(class_idx):
        maps.append(fullgrad_map(bias_terms_by_shifts(model, images[n : n + 1], c), size))
    return np.stack(maps)
