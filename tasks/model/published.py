"""Models that torchvision and timm publish."""

from typing import Any

import torch
from torchvision import models

from tasks.errors import AuditError
from tasks.model.loaded import LoadedModel, fill, or_explain, unknown_name
from tasks.model.names import is_weights_file
from tasks.model.weights import load_state_dict, num_outputs


def load_torchvision(name: str, weights: str | None, untrained: bool) -> LoadedModel:
    """A classification model of torchvision; `weights` is a file or a name of its weights.

    Raises: AuditError.
    """
    known = models.list_models(module=models)
    if name not in known:
        raise AuditError(unknown_name("torchvision model", name, known))
    choices = models.get_model_weights(name)
    entry = _weights_entry(name, weights, choices)
    stated = _torchvision_preprocessing(entry)
    categories = tuple(entry.meta["categories"])
    if untrained:
        return LoadedModel(models.get_model(name, weights=None), stated, categories)
    if weights is None or not is_weights_file(weights):
        module = or_explain(
            lambda: models.get_model(name, weights=entry),
            f"the weights {entry} cannot be had; without a network give --weights FILE",
        )
        return LoadedModel(module, stated, categories)
    state = load_state_dict(weights)
    with torch.device("meta"):
        shape = models.get_model(name, weights=None)
    outputs = num_outputs(state, shape) or len(categories)
    module = models.get_model(name, weights=None, num_classes=outputs)
    fill(module, state, weights, name)
    return LoadedModel(module, stated, categories if outputs == len(categories) else ())


def _weights_entry(name: str, weights: str | None, choices: Any) -> Any:
    if weights is None or is_weights_file(weights):
        return choices.DEFAULT
    member = weights.split(".")[-1]
    if member not in choices.__members__:
        raise AuditError(
            f"weights {weights!r} are neither a file nor weights of {name}; expected a .pth or "
            f".safetensors file, or one of {', '.join(choices.__members__)}"
        )
    return choices[member]


def _torchvision_preprocessing(entry: Any) -> dict[str, Any]:
    preset = entry.transforms()
    return {
        "resize": preset.resize_size[0],
        "crop": preset.crop_size[0],
        "mean": tuple(preset.mean),
        "std": tuple(preset.std),
        "interpolation": preset.interpolation.value,
    }


def load_timm(name: str, weights: str | None, untrained: bool) -> LoadedModel:
    """A model of timm, which is an optional extra.

    Raises: AuditError.
    """
    try:
        import timm
    except ImportError as error:
        raise AuditError("timm is not installed; pip install 'camaudit[timm]'") from error
    if not timm.is_model(name):
        raise AuditError(unknown_name("timm model", name, timm.list_models()))
    if untrained:
        module = timm.create_model(name)
    elif weights is None:
        module = or_explain(
            lambda: timm.create_model(name, pretrained=True),
            f"the weights of timm:{name} cannot be had; without a network give --weights FILE",
        )
    else:
        state = load_state_dict(weights)
        with torch.device("meta"):
            shape = timm.create_model(name)
        module = timm.create_model(name, num_classes=num_outputs(state, shape))
        fill(module, state, weights, name)
    stated = timm.data.resolve_model_data_config(module)
    crop = stated["input_size"][-1]
    interpolation = stated["interpolation"] if stated["interpolation"] != "random" else "bicubic"
    return LoadedModel(
        module,
        {
            "resize": int(crop / stated["crop_pct"]),
            "crop": crop,
            "mean": tuple(stated["mean"]),
            "std": tuple(stated["std"]),
            "interpolation": interpolation,
        },
    )
