"""JSON that a user wrote."""

import json
from typing import Any


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    A string may hold half a character (an escaped surrogate without its other half), which no
    table and no page can store.

    Raises: ValueError for what is no JSON, bytes that are no UTF-8, half a character, and lists
    in lists beyond Python's depth.
    """
    if isinstance(text, bytes):
        text = text.decode()
    try:
        value = json.loads(text)
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    return value
