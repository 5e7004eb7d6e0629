"""The class that a user means."""

from collections.abc import Sequence

from tasks.errors import AuditError
from tasks.model.loaded import unknown_name


def class_index(text: str, names: Sequence[str]) -> int:
    """The class that a name, in any case, or an index stands for.

    Raises: AuditError for an unknown class and for a name that several classes have.
    """
    exact = [i for i, name in enumerate(names) if name == text]
    found = exact or [i for i, name in enumerate(names) if name.lower() == text.lower()]
    if len(found) > 1:
        raise AuditError(
            f"class {text!r} is the name of several classes: {', '.join(map(str, found))}; "
            "expected one of them. Give its index"
        )
    if found:
        return found[0]
    if text.isascii() and text.isdigit():
        if int(text) < len(names):
            return int(text)
        raise AuditError(
            f"class {text} is none of the model's {len(names)} classes; expected 0 to "
            f"{len(names) - 1}, or a name"
        )
    raise AuditError(
        f"{unknown_name('class', text, list(names))}. Give a name of the model's, of --classes, "
        f"or an index from 0 to {len(names) - 1}"
    )
