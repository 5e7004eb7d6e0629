"""One step of gradient ascent towards a unit: which way is up."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from cam_kernels.synthesis.image_priors import style_similarity, total_variation
from cam_kernels.synthesis.random_views import jitter, turn_and_zoom

# RGB pictures in [0, 1], shape (n, 3, H, W), to a layer's output, (n, K, H, W) or (n, features).
Response = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Ascent:
    """How to climb.

    steps : of Adam, with `learning_rate`
    contrast : of the noise that it starts from, in (0, 1]
    jitter, degrees, zoom : the most that pictures are shifted (pixels), turned and enlarged
        (share of their size) by before each step
    smoothness : weight of the total variation, against the activation in standard deviations
        of the layer over noise
    diversity : weight of the similarity of the pictures of one unit, likewise
    centre : climb in the unit's centre cell in place of its mean over the map
    """

    steps: int = 160
    learning_rate: float = 0.08
    contrast: float = 0.05
    jitter: int = 12
    degrees: float = 10.0
    zoom: float = 0.12
    smoothness: float = 20.0
    diversity: float = 1.0
    centre: bool = False


@dataclass(frozen=True)
class Uphill:
    """gradient : shape of the pictures, of activation less penalties
    moved : (N,) bool, the activation itself has a gradient
    """

    gradient: Tensor
    moved: Tensor


def uphill(
    respond: Response,
    images: Tensor,
    units: Tensor,
    per_unit: int,
    deviation: Tensor,
    ascent: Ascent,
    generator: torch.Generator,
) -> Uphill:
    """The way up for each picture, seen through one random view of all of them.

    images : Tensor, shape (N, 3, H, W), RGB in [0, 1]
    units : (N,) int64, what each picture is for; those of one unit stand together, `per_unit`
        of each
    deviation : of the layer's activations, above 0; the unit that penalties are weighed in
    """
    seen = images.detach().requires_grad_()
    view = seen
    if ascent.degrees or ascent.zoom:
        view = turn_and_zoom(view, ascent.degrees, ascent.zoom, generator)
    if ascent.jitter:
        view = jitter(view, ascent.jitter, generator)
    output = respond(view)
    # Each picture has its own unit, so one backward of the sum serves them all.
    activation = of_units(output, units, centre=ascent.centre).sum() / deviation
    compares = per_unit > 1 and ascent.diversity > 0
    gradient = torch.autograd.grad(activation, seen, retain_graph=compares)[0]
    moved = gradient.flatten(1).ne(0).any(dim=1)
    penalty = torch.zeros_like(gradient)
    if ascent.smoothness:
        rough = ascent.smoothness * total_variation(seen).sum()
        penalty = penalty + torch.autograd.grad(rough, seen)[0]
    if compares:
        alike = ascent.diversity * per_unit * style_similarity(output, per_unit).sum()
        penalty = penalty + torch.autograd.grad(alike, seen)[0]
    gradient = gradient - no_longer_than(penalty, gradient)
    return Uphill(gradient, moved)


def no_longer_than(penalty: Tensor, gradient: Tensor) -> Tensor:
    """The penalty of each picture, shortened to the length of its gradient where it is longer.

    By the Cauchy-Schwarz inequality gradient . (gradient - penalty) >= 0 then: no penalty
    drives a unit down and, in the end, to sleep, however weak the unit is in its layer.

    penalty, gradient : Tensor, shape (N, ...)

    Returns: the same shape.
    """
    length = penalty.flatten(1).norm(dim=1)
    share = gradient.flatten(1).norm(dim=1) / length.clamp(min=torch.finfo(length.dtype).tiny)
    return penalty * share.clamp(max=1).view(-1, *[1] * (penalty.ndim - 1))


def of_units(output: Tensor, units: Tensor, *, centre: bool) -> Tensor:
    """The activation of one unit for each picture.

    output : Tensor, shape (N, K, H, W) or (N, K)
    units : (N,) int64
    centre : the cell at row H // 2, column W // 2, in place of the mean over the map

    Returns: Tensor, shape (N,).
    """
    return pooled(output, centre=centre).gather(1, units[:, None])[:, 0]


def pooled(output: Tensor, *, centre: bool) -> Tensor:
    """One number per channel, shape (N, K); arguments as for `of_units`."""
    if output.ndim == 2:
        return output
    if centre:
        return output[:, :, output.shape[2] // 2, output.shape[3] // 2]
    return output.mean(dim=(2, 3))
