"""Models of the user's own: a Python file, an exported program."""

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tasks.errors import AuditError
from tasks.model.loaded import LoadedModel, fill, or_explain
from tasks.model.program_file import load_program
from tasks.model.weights import load_state_dict


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
    program = or_explain(lambda: load_program(spec), f"{spec} is no exported program")
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
