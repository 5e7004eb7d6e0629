"""State dicts from files, without running code from them."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import safetensors.torch
import torch
from torch import nn

from tasks.errors import AuditError

# Training scripts wrap the state dict in one of these keys.
_WRAPPERS = ("state_dict", "model_state_dict", "model")


def load_state_dict(file: str) -> dict[str, torch.Tensor]:
    """Tensors by name from .safetensors, or from a torch file loaded with weights_only=True.

    The prefix `module.` of DataParallel is removed.

    Raises: AuditError for a missing, damaged or unsafe file.
    """
    if not Path(file).is_file():
        raise AuditError(f"weights file {file} does not exist")
    try:
        content: Any
        if file.endswith(".safetensors"):
            content = safetensors.torch.load_file(file)
        else:
            content = torch.load(file, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        if not _looks_like_torch(file):
            raise AuditError(
                f"weights file {file} is damaged or of another format: {error}"
            ) from error
        raise AuditError(
            f"weights file {file} holds more than tensors, and loading it would run code from "
            "it. Save the state dict alone: torch.save(model.state_dict(), ...) or safetensors"
        ) from error
    except Exception as error:  # an unpickler that meets garbage raises anything
        raise AuditError(f"weights file {file} is damaged or of another format: {error}") from error
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    tensors = isinstance(content, dict) and all(torch.is_tensor(v) for v in content.values())
    if not tensors or not content:
        raise AuditError(f"weights file {file} holds no state dict; expected tensors by name")
    return {str(key).removeprefix("module."): value for key, value in content.items()}


def num_outputs(state: dict[str, torch.Tensor], untrained: nn.Module) -> int | None:
    """Outputs of the classifier, read off the model's last parameter; None where it is missing.

    The model's order counts, not the file's: safetensors sorts its keys.
    """
    last = list(untrained.state_dict())[-1]
    return len(state[last]) if last in state and state[last].ndim else None


def _looks_like_torch(file: str) -> bool:
    with open(file, "rb") as stream:
        return stream.read(2) in (b"PK", b"\x80\x02", b"\x80\x04", b"\x80\x05")
