"""What `camaudit units` will draw: checked against the model before the first step."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cam_kernels.layers.grid_layout import GridLayout
from cam_kernels.layers.target_layer import layer_layout
from cam_kernels.synthesis.partial_forward import layer_output
from tasks.errors import AuditError
from tasks.model.loaded import LoadedModel, unknown_name
from tasks.model.loading import load_model
from tasks.model.probe import example_images
from tasks.views.synthetic_config import DEFAULT_COUNT, SyntheticConfig

BATCH = 16  # pictures climbed at once: memory stays bounded however many are asked for


@dataclass(frozen=True)
class Target:
    """Units of one layer; layer None stands for the class logits."""

    layer: str | None
    units: tuple[int, ...]
    channels: int
    grid: tuple[int, int]
    layout: GridLayout | None = None


@dataclass(frozen=True)
class SynthesisPlan:
    """A model that is loaded, and targets that are known to exist in it."""

    config: SyntheticConfig
    loaded: LoadedModel
    mean: tuple[float, ...]
    std: tuple[float, ...]
    targets: tuple[Target, ...]

    @property
    def steps(self) -> int:
        """Of all batches together."""
        return self.config.steps * sum(len(list(self.batches(t))) for t in self.targets)

    def batches(self, target: Target) -> list[tuple[int, ...]]:
        """The target's units, as many at once as fit."""
        at_once = max(1, BATCH // self.config.per_unit)
        return [target.units[i : i + at_once] for i in range(0, len(target.units), at_once)]


def plan_synthesis(config: SyntheticConfig) -> SynthesisPlan:
    """Load the model and look at what it puts out.

    Raises: AuditError for an unknown model, layer, unit or class, for a layer that has neither
    grid nor features, for a device that is not there, and where the preprocessing is not known.
    """
    if config.device == "cuda" and not torch.cuda.is_available():
        raise AuditError("device 'cuda' is asked for but torch sees none; use --device cpu")
    loaded = load_model(config.model, config.weights)
    if loaded.fixed_batch is not None:
        raise AuditError(
            f"{config.model} takes batches of {loaded.fixed_batch} only; export it with a free "
            "batch dimension to climb in it"
        )
    stated = {**loaded.preprocessing}
    stated.update({k: v for k in ("mean", "std") if (v := getattr(config, k)) is not None})
    missing = [f"--{key}" for key in ("mean", "std") if key not in stated]
    if missing:
        raise AuditError(
            f"{config.model} states no preprocessing, and pictures must reach it as its training "
            f"images did. Give {' and '.join(missing)}"
        )
    targets = []
    if config.layer is not None:
        targets.append(_layer_target(loaded, config, config.layer))
    if config.classes:
        channels, _, _ = _output_form(loaded, config, None)
        _refuse_beyond(config.classes, channels, "class", config.model)
        targets.append(Target(None, config.classes, channels, (1, 1)))
    return SynthesisPlan(config, loaded, stated["mean"], stated["std"], tuple(targets))


def _layer_target(loaded: LoadedModel, config: SyntheticConfig, layer: str) -> Target:
    names = [name for name, _ in loaded.module.named_modules() if name]
    if layer not in names:
        raise AuditError(
            f"{unknown_name(f'layer of {config.model}', layer, names)}. "
            f"List the layers with: camaudit layers {config.model}"
        )
    channels, grid, layout = _output_form(loaded, config, layer)
    _refuse_beyond(config.units, channels, "unit", f"layer {layer!r} of {config.model}")
    count = min(config.count or DEFAULT_COUNT, channels)
    units = config.units or tuple(i * channels // count for i in range(count))
    return Target(layer, units, channels, grid, layout)


def _output_form(
    loaded: LoadedModel, config: SyntheticConfig, layer: str | None
) -> tuple[int, tuple[int, int], GridLayout | None]:
    """Channels, rows and columns, and layout, from forwards of noise."""
    images = example_images(loaded, config.size)
    try:
        layout = _layout(loaded, layer, images)
        with torch.no_grad():
            output = layer_output(loaded.module, layer, images, layout)
    except ValueError as error:
        raise AuditError(
            f"{config.model}: {error}. List the layers with: camaudit layers {config.model}"
        ) from error
    except Exception as error:  # a user's forward may raise anything
        raise AuditError(
            f"{config.model} fails on an input of 3 x {config.size} x {config.size}: "
            f"{type(error).__name__}: {error}. Give the --size that the model was trained with"
        ) from error
    rows, cols = output.shape[2:] if output.ndim == 4 else (1, 1)
    return output.shape[1], (rows, cols), layout


def _layout(loaded: LoadedModel, layer: str | None, images: Tensor) -> GridLayout | None:
    try:
        return None if layer is None else layer_layout(loaded.module, layer, images)
    except ValueError:  # no grid: its units may be features
        return None


def _refuse_beyond(wanted: Sequence[int], number: int, what: str, where: str) -> None:
    beyond = [index for index in wanted if index >= number]
    if beyond:
        raise AuditError(
            f"{what} {beyond[0]} is not in {where}, which has {number}; expected 0 to {number - 1}"
        )
