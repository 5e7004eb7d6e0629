"""Inputs that excite a unit most, by gradient ascent from noise.

Erhan et al., "Visualizing Higher-Layer Features of a Deep Network" (2009), with the means of
Olah et al., "Feature Visualization", Distill 2017.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cam_kernels.synthesis.ascent import Ascent, Response, of_units, pooled, uphill
from cam_kernels.synthesis.image_parametrisation import Parametrisation

NOISE_PICTURES = 16
_STARTS = 16


@dataclass(frozen=True)
class SyntheticInputs:
    """N = units x pictures of each, in the order of the units, those of one unit together.

    images : (N, 3, size, size) float32, RGB in [0, 1]; NaN where the ascent met one
    activation : (N,) float32, of the unit, for the picture as it stands
    start : (N,) float32, the same for the noise that it began with
    noise : (N,) float32, mean over random pictures of full contrast
    steps : (N,) int64, the last step that had a gradient, from 1; fewer than asked for where
        the unit came to rest at its ceiling (that of a ReLU6, say); 0 for a dead unit, whose
        picture is noise and shows nothing
    """

    images: Tensor
    activation: Tensor
    start: Tensor
    noise: Tensor
    steps: Tensor


def maximise_activation(
    respond: Response,
    units: Sequence[int],
    parametrisation: Parametrisation,
    ascent: Ascent,
    generator: torch.Generator,
    *,
    per_unit: int = 1,
    device: torch.device | str = "cpu",
    on_step: Callable[[], None] = lambda: None,
) -> SyntheticInputs:
    """Pictures for all `units` at once, `per_unit` of each.

    Every unit starts from the same noise and is moved alike, so that its pictures do not
    depend on the units beside it.

    units : numbers of channels, of features or of classes, where `respond` gives logits
    generator : of the CPU; the only source of randomness
    on_step : called after each step

    Raises: ValueError for a unit that `respond` does not give.
    """
    noise = _over_noise(respond, parametrisation, generator, device)
    if not units or min(units) < 0 or max(units) >= noise.shape[1]:
        raise ValueError(f"units {list(units)}: expected some of 0 to {noise.shape[1] - 1}")
    of_picture = torch.tensor(units, device=device).repeat_interleave(per_unit)
    starts = _starts(parametrisation, ascent, per_unit, generator).to(device)

    def for_all(start: Tensor) -> Tensor:
        return start.repeat(len(units), *[1] * (start.ndim - 1))

    @torch.no_grad()
    def activation(parameters: Tensor) -> Tensor:
        output = respond(parametrisation.images(parameters))
        return of_units(output, of_picture, centre=ascent.centre)

    parameters = for_all(starts[0]).requires_grad_()
    start = activation(parameters)
    deviation = _positive(noise.std())
    optimiser = torch.optim.Adam([parameters], lr=ascent.learning_rate)
    last = torch.zeros_like(of_picture)
    for step in range(1, ascent.steps + 1):
        images = parametrisation.images(parameters)
        up = uphill(respond, images, of_picture, per_unit, deviation, ascent, generator)
        last = torch.where(up.moved, step, last)
        parameters.grad = torch.autograd.grad(images, parameters, -up.gradient)[0]
        optimiser.step()
        if step < len(starts) and not last.all():
            _restart(parameters, for_all(starts[step]), last == 0)
        on_step()
    return SyntheticInputs(
        images=parametrisation.images(parameters.detach()),
        activation=activation(parameters),
        start=start,
        noise=pooled(noise, centre=ascent.centre).mean(dim=0)[of_picture],
        steps=last,
    )


@torch.no_grad()
def _over_noise(
    respond: Response,
    parametrisation: Parametrisation,
    generator: torch.Generator,
    device: torch.device | str,
) -> Tensor:
    return respond(
        parametrisation.images(parametrisation.draw(NOISE_PICTURES, generator).to(device))
    )


def _starts(
    parametrisation: Parametrisation, ascent: Ascent, per_unit: int, generator: torch.Generator
) -> Tensor:
    """Parameters of pictures to start from, and of ever stronger ones to start again from, up to
    full contrast, shape (starts, per_unit, ...)."""
    drawn = parametrisation.draw(min(_STARTS, ascent.steps) * per_unit, generator)
    drawn = drawn.unflatten(0, (-1, per_unit))
    contrasts = ascent.contrast ** torch.linspace(1, 0, len(drawn))
    return drawn * contrasts.view(-1, *[1] * (drawn.ndim - 1))


@torch.no_grad()
def _restart(parameters: Tensor, start: Tensor, chosen: Tensor) -> None:
    """Put another start in the place of the chosen pictures: a unit at rest may wake up at a
    stronger one. The optimiser has seen no gradient of theirs that counts."""
    parameters.copy_(torch.where(chosen.view(-1, *[1] * (start.ndim - 1)), start, parameters))


def _positive(deviation: Tensor) -> Tensor:
    """1 where the layer does not vary at all, so that nothing is divided by 0 or NaN."""
    return torch.where(deviation > 0, deviation, torch.ones_like(deviation))
