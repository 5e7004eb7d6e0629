"""Which class of one audit is which of another."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.errors import AuditError

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClassPairing:
    """names : of the classes of both audits together, those of A first; a name that an audit has
        twice is told apart by its place among them: "crane", "crane (2)"
    code_a, code_b : of each class index the place in `names`, int64
    only_a, only_b : names that the other audit does not have
    """

    names: tuple[str, ...]
    code_a: Codes
    code_b: Codes
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]

    @property
    def shared(self) -> npt.NDArray[np.bool_]:
        """Of each name, whether both audits have it."""
        held = np.zeros((2, len(self.names)), dtype=np.bool_)
        held[0, self.code_a], held[1, self.code_b] = True, True
        return np.asarray(held.all(axis=0))


def pair_classes(classes_a: Sequence[str], classes_b: Sequence[str]) -> ClassPairing:
    """Pair classes by their names, whatever their order; the second of one name with the second.

    Raises: AuditError where no name is in both.
    """
    keys_a, keys_b = _keys(classes_a), _keys(classes_b)
    place = {key: number for number, key in enumerate(keys_a)}
    if not place.keys() & set(keys_b):
        raise AuditError(
            f"the two audits have no class in common: expected one name in both, got "
            f"{_some(classes_a)} and {_some(classes_b)}. Classes are paired by name: give both "
            "audits the same names with --classes"
        )
    for key in keys_b:
        place.setdefault(key, len(place))
    names = tuple(name if turn == 1 else f"{name} ({turn})" for name, turn in place)
    only_a, only_b = set(keys_a) - set(keys_b), set(keys_b) - set(keys_a)
    return ClassPairing(
        names,
        np.array([place[key] for key in keys_a], dtype=np.int64),
        np.array([place[key] for key in keys_b], dtype=np.int64),
        tuple(names[place[key]] for key in keys_a if key in only_a),
        tuple(names[place[key]] for key in keys_b if key in only_b),
    )


def _keys(classes: Sequence[str]) -> list[tuple[str, int]]:
    seen: Counter[str] = Counter()
    keys = []
    for name in classes:
        seen[name] += 1
        keys.append((name, seen[name]))
    return keys


def _some(classes: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in classes[:3])
    return f"{shown} and {len(classes) - 3} more" if len(classes) > 3 else shown
