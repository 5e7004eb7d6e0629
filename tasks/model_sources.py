"""The sources of models: torchvision, timm, a Python file, an exported program."""

import difflib
import hashlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision import models

from tasks.errors import AuditError
from tasks.weights import is_weights_file, load_state_dict, num_outputs


@dataclass(frozen=True)
class LoadedModel:
    """A model and what came with it.

    preprocessing : keys of `Preprocessing` that the model's source states; may be empty
    categories : names of the outputs; empty where the source states none
    source : text of the model's Python file, where it has one
    fixed_batch : the only batch size that an exported program takes, if it takes only one
    """

    module: nn.Module
    preprocessing: dict[str, Any]
    categories: tuple[str, ...] = ()
    fixed_batch: int | None = None
    source: str = ""


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


def load_python_file(spec: str, weights: str | None) -> LoadedModel:
    """FILE.py:FUNCTION; the function returns an nn.Module. A dict `preprocessing` on the module,
    with keys of `Preprocessing`, is honoured.

    Raises: AuditError.
    """
    name, _, function = spec.rpartition(":")
    file = Path(name).resolve()
    if not file.is_file():
        raise AuditError(f"model file {file} does not exist; expected FILE.py:FUNCTION")
    # A private name, so that a user's own `tasks` or `data` module never meets ours.
    private = f"_camaudit_model_{hashlib.blake2b(str(file).encode(), digest_size=6).hexdigest()}"
    module_spec = importlib.util.spec_from_file_location(private, file)
    if module_spec is None or module_spec.loader is None:
        raise AuditError(f"model file {file} cannot be imported; expected a .py file")
    code = importlib.util.module_from_spec(module_spec)
    sys.modules[private] = code
    loader = module_spec.loader
    or_explain(lambda: loader.exec_module(code), f"model file {file} fails")
    build: Callable[[], Any] | None = getattr(code, function, None)
    if build is None:
        raise AuditError(f"{file} has no function {function!r}; expected one that returns a model")
    module = or_explain(build, f"{function}() in {file} fails")
    if not isinstance(module, nn.Module):
        raise AuditError(
            f"{function}() in {file} returns {type(module).__name__}; expected a torch.nn.Module"
        )
    if weights is not None:
        fill(module, load_state_dict(weights), weights, file.name)
    stated = getattr(module, "preprocessing", {})
    if not isinstance(stated, dict):
        raise AuditError(
            f"the model of {function}() in {file} has a preprocessing of type "
            f"{type(stated).__name__}; expected a dict with resize, crop, mean, std, interpolation"
        )
    return LoadedModel(module, stated, source=file.read_text())


def load_exported(spec: str, weights: str | None) -> LoadedModel:
    """A program saved by torch.export.save, its module tree restored.

    Raises: AuditError.
    """
    if weights is not None:
        raise AuditError("an exported program holds its own weights; leave --weights out")
    if not Path(spec).is_file():
        raise AuditError(f"exported program {spec} does not exist")
    program = or_explain(lambda: torch.export.load(spec), f"{spec} is no exported program")
    inputs = [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder"]
    user_inputs = inputs[-len(program.graph_signature.user_inputs) :]
    batch = user_inputs[0].shape[0]
    module = torch.export.unflatten(program)
    # The symbolic sizes of a free batch dimension cannot be deep-copied, and nothing needs them.
    for part in module.modules():
        for node in getattr(getattr(part, "graph", None), "nodes", ()):
            node.meta.clear()
    return LoadedModel(
        module,
        {},
        fixed_batch=batch if isinstance(batch, int) else None,
    )


def fill(module: nn.Module, state: dict[str, torch.Tensor], file: str, name: str) -> None:
    """Load a state dict that must fit to the last key; AuditError names what does not."""
    own = module.state_dict()
    shapes = [
        f"{key}: expected {tuple(own[key].shape)}, got {tuple(state[key].shape)}"
        for key in own
        if key in state and own[key].shape != state[key].shape
    ]
    problems = [
        *_first(shapes),
        *_first([f"missing: {key}" for key in own if key not in state]),
        *_first([f"unknown: {key}" for key in state if key not in own]),
    ]
    if problems:
        listed = "\n  ".join(problems)
        raise AuditError(
            f"the weights in {file} do not fit {name}:\n  {listed}\n"
            "Give the state dict of this very architecture."
        )
    module.load_state_dict(state)


def _first(problems: list[str], shown: int = 3) -> list[str]:
    more = [f"... and {len(problems) - shown} more like it"] if len(problems) > shown else []
    return problems[:shown] + more


def or_explain(act: Callable[[], Any], what: str) -> Any:
    """The result of `act`; whatever it raises becomes an AuditError that begins with `what`."""
    try:
        return act()
    except AuditError:
        raise
    except (Exception, SystemExit) as error:  # a user's code and a hub's client raise anything
        raise AuditError(f"{what}: {type(error).__name__}: {error}") from error


def unknown_name(what: str, name: str, known: list[str]) -> str:
    """Text of an error that names the closest known names."""
    closest = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f"; closest: {', '.join(repr(c) for c in closest)}" if closest else ""
    return f"{what} {name!r} is unknown{hint}"
