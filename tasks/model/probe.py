"""What a model's layers look like, seen by running it once on noise."""

from collections.abc import Sequence

import torch

from cam_kernels.head import find_pooled_linear_head
from cam_kernels.layers.default_layer import default_target_layer
from cam_kernels.layers.target_layer import SpatialLayer, layer_layout, spatial_layers
from tasks.errors import AuditError
from tasks.model.loaded import LoadedModel, unknown_name
from tasks.model.loading import load_model


def probe_layers(loaded: LoadedModel, crop: int, name: str) -> tuple[list[SpatialLayer], int]:
    """Layers with a grid and the number of classes, from one forward of noise.

    Raises: AuditError where the model does not take such an input or returns no logits.
    """
    try:
        return spatial_layers(loaded.module, example_images(loaded, crop))
    except ValueError as error:
        raise AuditError(f"{name}: {error}") from error
    except Exception as error:  # a user's forward may raise anything
        raise AuditError(
            f"{name} fails on an input of 3 x {crop} x {crop}: {type(error).__name__}: {error}. "
            "Give the --crop that the model was trained with"
        ) from error


def example_images(loaded: LoadedModel, crop: int) -> torch.Tensor:
    """Seeded noise of the shape that the model takes."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn((loaded.fixed_batch or 2, 3, crop, crop), generator=generator)


def choose_layer(
    layers: list[SpatialLayer],
    wanted: str | None,
    num_classes: int,
    loaded: LoadedModel,
    crop: int,
    name: str,
) -> SpatialLayer:
    """The layer asked for, or the default one.

    layers, num_classes : what `probe_layers` finds for inputs of side `crop`

    Raises: AuditError for a layer that is not there or has no grid.
    """
    by_name = {layer.name: layer for layer in layers}
    if wanted is None:
        try:
            images = example_images(loaded, crop)
            wanted = default_target_layer(layers, num_classes, loaded.module, images)
        except ValueError as error:
            raise AuditError(f"{name}: {error}") from error
    if wanted not in by_name:
        why = _why_not(wanted, list(by_name), loaded, crop, name)
        raise AuditError(f"{why}. List the layers with: camaudit layers {name}")
    return by_name[wanted]


def _why_not(wanted: str, known: list[str], loaded: LoadedModel, crop: int, name: str) -> str:
    if wanted not in dict(loaded.module.named_modules()):
        return unknown_name(f"layer of {name}", wanted, known)
    try:
        layout = layer_layout(loaded.module, wanted, example_images(loaded, crop))
    except ValueError as error:
        return f"{name}: {error}"
    if layout is None:
        return f"layer {wanted!r} of {name} does not run"
    return (
        f"layer {wanted!r} of {name} puts out a single cell for an input of {crop} x {crop} "
        "pixels, which is no grid; expected two cells or more. Choose an earlier layer, or give a "
        "larger --crop if the input is smaller than the layer's stride"
    )


def list_layers(model: str, crop: int | None) -> tuple[list[SpatialLayer], str]:
    """Layers of a model with a grid, and the name of the default one.

    crop : side of the input in pixels; default: the model's own, or 224

    Raises: AuditError.
    """
    loaded = load_model(model, None, untrained=True)
    side = crop or loaded.preprocessing.get("crop", 224)
    layers, num_classes = probe_layers(loaded, side, model)
    return layers, choose_layer(layers, None, num_classes, loaded, side, model).name


def is_closed_form(
    loaded: LoadedModel, layer: str, crop: int, name: str, methods: Sequence[str]
) -> bool:
    """Whether global average pooling and one linear layer follow `layer`.

    Raises: AuditError where a method is `cam` and they do not.
    """
    head = find_pooled_linear_head(loaded.module, layer, example_images(loaded, crop))
    if "cam" in methods and head is None:
        raise AuditError(
            f"method 'cam' needs global pooling and one linear layer after {layer!r}, "
            f"which {name} has not; use --method gradcam++ or gradcam"
        )
    return head is not None and head.pooling == "mean"
