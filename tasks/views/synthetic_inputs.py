"""Synthetic best-matching inputs for units of a layer and for class logits."""

import copy
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from cam_kernels.fast_copy import fast_copy
from cam_kernels.synthesis.activation_maximisation import SyntheticInputs, maximise_activation
from cam_kernels.synthesis.ascent import Ascent
from cam_kernels.synthesis.image_parametrisation import PARAMETRISATIONS
from cam_kernels.synthesis.partial_forward import layer_output
from tasks.model.probe import example_images
from tasks.views.synthesis_plan import SynthesisPlan, Target
from tasks.views.synthetic_pictures import SyntheticGroup, SyntheticPicture, SyntheticView

JITTER = 10  # pictures are shifted by at most this fraction of their side


def synthesise(plan: SynthesisPlan, on_step: Callable[[], None] = lambda: None) -> SyntheticView:
    """Climb for every unit and class of the plan; `on_step` is called `plan.steps` times.

    The same configuration gives the same pictures, bit for bit, on the same CPU and threads.
    """
    groups = tuple(_climb(plan, target, on_step) for target in plan.targets)
    return SyntheticView(plan.config.model_dump(mode="json"), groups)


def _climb(plan: SynthesisPlan, target: Target, on_step: Callable[[], None]) -> SyntheticGroup:
    config = plan.config
    module = _fast_copy(plan, target.layer).to(config.device)
    mean, std = (
        torch.tensor(c, device=config.device).view(1, 3, 1, 1) for c in (plan.mean, plan.std)
    )

    def respond(images: Tensor) -> Tensor:
        return layer_output(module, target.layer, (images - mean) / std, target.layout)

    ascent = Ascent(
        steps=config.steps,
        learning_rate=config.learning_rate,
        jitter=config.size // JITTER,
        smoothness=config.smoothness,
        centre=config.centre,
    )
    pictures: list[SyntheticPicture] = []
    for units in plan.batches(target):
        # A generator of its own for each batch: the same start for every unit of the page.
        generator = torch.Generator().manual_seed(config.seed)
        parametrisation = PARAMETRISATIONS[config.parametrisation](config.size)
        found = maximise_activation(
            respond, units, parametrisation, ascent, generator,
            per_unit=config.per_unit, device=config.device, on_step=on_step,
        )  # fmt: skip
        names = plan.loaded.categories if target.layer is None else ()
        pictures += _pictures(found, units, config.per_unit, names)
    return SyntheticGroup(target.layer or "", target.channels, target.grid, tuple(pictures))


def _fast_copy(plan: SynthesisPlan, layer: str | None) -> nn.Module:
    frozen = copy.deepcopy(plan.loaded.module).eval().requires_grad_(False)
    images = example_images(plan.loaded, plan.config.size)
    layers = [] if layer is None else [layer]
    return fast_copy(frozen, layers, images, exact=False, tolerance=1e-3).model


def _pictures(
    found: SyntheticInputs, units: Sequence[int], per_unit: int, names: Sequence[str]
) -> list[SyntheticPicture]:
    pixels = (255 * found.images.nan_to_num(0.5)).round().to(torch.uint8)
    columns = zip(
        np.repeat(units, per_unit).tolist(),
        pixels.permute(0, 2, 3, 1).cpu().numpy(),
        found.activation.tolist(),
        found.start.tolist(),
        found.noise.tolist(),
        found.steps.tolist(),
        strict=True,
    )
    return [
        SyntheticPicture(
            index, names[index] if names else "", picture, activation, start, noise, steps,
            _state(activation, noise, steps),
        )
        for index, picture, activation, start, noise, steps in columns
    ]  # fmt: skip


def _state(activation: float, noise: float, steps: int) -> str:
    if not math.isfinite(activation):
        return "not_finite"
    if steps == 0:
        return "dead"
    return "ok" if activation > noise else "no_gain"
