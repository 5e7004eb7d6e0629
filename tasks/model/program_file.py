"""Exported programs from files, without running code from them.

torch.export.load takes its file for trusted: it unpickles what the archive calls an object, hands
expressions of sizes to sympy's `eval`, and loads compiled libraries. None of it is needed to read
the graph and the tensors of a classifier.
"""

import logging
import pickle
import re
import types
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn

import sympy
import torch
from torch._export.serde import serialize
from torch.export import ExportedProgram
from torch.export.pt2_archive import _package

# Sizes as torch writes them: 2*s0 + 1, Max(1, s0), Symbol('s77', positive=True), Float('0.5'). In
# quotes are symbols and numbers alone. sympy knows `eval` and `chr`: no other name may pass, and no
# member of one.
_EXPRESSION = re.compile(r"[A-Za-z0-9_\s()+\-*/%,.<>=!&|~]*")
_NAME = re.compile(r"[A-Za-z_]\w*")
_SYMBOL = re.compile(r"[a-z]{1,4}\d+")
_QUOTED = re.compile(r"'([a-z]{1,4}\d+|[\d.]+(?:e[+-]?\d+)?)'")
_FUNCTIONS = frozenset({
    "Abs", "Add", "And", "Eq", "Float", "Ge", "Gt", "Integer", "Le", "Lt", "Max", "Min", "Mod",
    "Mul", "Ne", "Not", "Or", "Piecewise", "Pow", "Rational", "Symbol", "ceiling", "floor", "log",
    "sqrt", "true", "false", "True", "False", "oo", "int_oo", "finite", "integer", "negative",
    "nonnegative", "nonzero", "positive", "precision", "real",
})  # fmt: skip
_MEMBER = re.compile(r"[A-Za-z_)]\s*\.|\.\s*[A-Za-z_]")


def load_program(file: str) -> ExportedProgram:
    """What torch.export.save wrote.

    Raises: UnpicklingError or ValueError for a file that holds code, and whatever torch raises for
    one that is damaged.
    """
    log, unlogged = logging.getLogger(torch.export.__name__), _Unlogged()
    log.addFilter(unlogged)
    try:
        with _no_code():
            return torch.export.load(file)
    except Exception as error:
        raise unlogged.error or error from None
    finally:
        log.removeFilter(unlogged)


class _Unlogged(logging.Filter):
    """Keeps the error that torch logs with its traceback, to go on with an older format."""

    error: BaseException | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info:
            self.error = record.exc_info[1]
        return not record.exc_info


@contextmanager
def _no_code() -> Iterator[None]:
    refusing = types.SimpleNamespace(**{**vars(pickle), "loads": _refuse})
    with ExitStack() as stack:
        for owner, name, value in (
            (torch, "load", _only_tensors(torch.load)),
            (_package, "pickle", refusing),
            (_package, "_load_aoti", _refuse),
            (sympy, "sympify", _only_sizes(sympy.sympify)),
            (serialize, "_registered_extension_types", tuple),
        ):
            stack.enter_context(_in_place_of(owner, name, value))
        yield


@contextmanager
def _in_place_of(owner: Any, name: str, value: Any) -> Iterator[None]:
    kept = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, kept)


def _only_tensors(load: Callable[..., Any]) -> Callable[..., Any]:
    """torch.load that never trusts its file, whatever it is told."""
    return lambda *args, **kwargs: load(*args, **{**kwargs, "weights_only": True})


def _only_sizes(sympify: Callable[..., Any]) -> Callable[..., Any]:
    """sympify that reads nothing but arithmetic of sizes; what is no text goes through as it is."""

    def checked(expression: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(expression, str) and not _is_of_sizes(expression, kwargs.get("locals") or {}):
            raise ValueError(f"{expression[:80]!r} is no expression of sizes")
        return sympify(expression, *args, **kwargs)

    return checked


def _is_of_sizes(text: str, known: dict[str, Any]) -> bool:
    text = _QUOTED.sub(lambda found: found[1].split("e")[0], text)
    named = all(
        name in known or name in _FUNCTIONS or _SYMBOL.fullmatch(name)
        for name in _NAME.findall(text)
    )
    return named and bool(_EXPRESSION.fullmatch(text)) and not _MEMBER.search(text)


def _refuse(*_args: Any, **_kwargs: Any) -> NoReturn:
    raise pickle.UnpicklingError(
        "it holds an object or a compiled library, and loading those would run code from it; "
        "expected a graph with tensors alone, as torch.export.save writes for a plain module"
    )
