"""A model with what came with it, and what can be wrong with it."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from tasks.errors import AuditError


@dataclass(frozen=True)
class LoadedModel:
    """A model and what came with it.

    preprocessing : keys of `Preprocessing` that the model's source states; may be empty
    categories : names of the outputs; empty where the source states none
    classes_file : CSV with the folder or label of each output, where one came with the model
    source : text of the model's Python file, where it has one
    fixed_batch : the only batch size that an exported program takes, if it takes only one
    """

    module: nn.Module
    preprocessing: dict[str, Any]
    categories: tuple[str, ...] = ()
    fixed_batch: int | None = None
    source: str = ""
    classes_file: str | None = None


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
