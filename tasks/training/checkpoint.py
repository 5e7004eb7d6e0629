"""All that a training needs to go on, in one file of tensors; no code in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor, nn
from torch.optim import Optimizer

from tasks.errors import AuditError
from tasks.tables.whole_files import atomic_path
from tasks.training.history import EpochRow, History

_FACTS = "camaudit"
_MODEL, _OPTIMIZER = "model.", "optimizer."

# What is drawn at random in an epoch depends on seed and epoch alone, and rates depend on the step
# and on the history: neither generators nor schedules have a state to keep.


@dataclass(frozen=True)
class Checkpoint:
    """The end of an epoch.

    model : state dict
    optimizer, scaler : their state dicts
    history : of all epochs so far
    """

    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    scaler: dict[str, Any]
    history: History

    @property
    def epoch(self) -> int:
        """The last finished one; 0 before the first."""
        return max((row.epoch for row in self.history), default=0)


def take_checkpoint(
    module: nn.Module, optimizer: Optimizer, scaler: dict[str, Any], history: History
) -> Checkpoint:
    """The state of a training as it is now; not a copy."""
    return Checkpoint(module.state_dict(), optimizer.state_dict(), scaler, history)


def write_checkpoint(file: Path, checkpoint: Checkpoint) -> None:
    """Write it whole: tensors as they are, the rest as JSON in the file's metadata."""
    tensors = {f"{_MODEL}{name}": tensor for name, tensor in checkpoint.model.items()}
    plain: dict[str, dict[str, Any]] = {}
    for index, state in checkpoint.optimizer["state"].items():
        for key, value in state.items():
            if isinstance(value, Tensor):
                tensors[f"{_OPTIMIZER}{index}.{key}"] = value
            else:
                plain.setdefault(str(index), {})[key] = value
    facts = {
        "groups": checkpoint.optimizer["param_groups"],
        "state": plain,
        "scaler": checkpoint.scaler,
        "history": [row.to_dict() for row in checkpoint.history],
    }
    write_tensors(file, tensors, facts)


def read_checkpoint(file: Path) -> Checkpoint:
    """Raises: AuditError for a file that is damaged or none of ours."""
    tensors, facts = read_tensors(file)
    try:
        state: dict[int, dict[str, Any]] = {int(i): dict(v) for i, v in facts["state"].items()}
        for name, tensor in _below(tensors, _OPTIMIZER).items():
            index, _, key = name.partition(".")
            state.setdefault(int(index), {})[key] = tensor
        optimizer = {"state": state, "param_groups": facts["groups"]}
        history = tuple(EpochRow(**row) for row in facts["history"])
        return Checkpoint(_below(tensors, _MODEL), optimizer, facts["scaler"], history)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(file, error) from error


def write_tensors(file: Path, tensors: Mapping[str, Tensor], facts: dict[str, Any]) -> None:
    """Tensors and, as JSON, facts about them; the file appears whole."""
    # safetensors stores neither strides nor tensors that share their memory.
    stored = {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
    content = safetensors.torch.save(stored, {_FACTS: json.dumps(facts)})
    with atomic_path(file) as temporary:
        # Not save_file: its files are for their owner's eyes alone.
        temporary.write_bytes(content)


def read_tensors(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write_tensors` wrote.

    Raises: AuditError for a file that is damaged or none of ours.
    """
    try:
        with safetensors.safe_open(file, framework="pt", device="cpu") as opened:
            facts = json.loads((opened.metadata() or {})[_FACTS])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (OSError, KeyError, ValueError, safetensors.SafetensorError) as error:
        raise _damaged(file, error) from error
    return tensors, facts


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def _damaged(file: Path, error: Exception) -> AuditError:
    return AuditError(
        f"{file} is damaged or no checkpoint of camaudit ({type(error).__name__}: {error}). Remove "
        "it, and the same command starts again from the first epoch"
    )
