"""Numbers per colour channel, as flags give them."""

from tasks.errors import AuditError


def channels(key: str, text: str | None) -> tuple[float, ...] | None:
    """R,G,B as three numbers; None where the flag was not given.

    Raises: AuditError for anything else.
    """
    if text is None:
        return None
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != 3:
        raise AuditError(
            f"--{key}: expected three numbers R,G,B as in 0.485,0.456,0.406; got {text!r}"
        )
    return values
