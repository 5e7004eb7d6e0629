"""Whole files with a few random changes."""

import copy
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

# What parsers stumble over.
_TOKENS = (
    b"", b"\x00", b"\xff", b"\n", b",", b'"', b"'", b"[", b"]", b"{", b"}", b"=", b"#", b"::",
    b"../", b"://", b"nan", b"NaN", b"-inf", b"Infinity", b"1e999", b"-1", b"0", b"9" * 25,
    b"0x7fffffff",
    b"null", b"true", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\\ud800", b"%2e%2e%2f", b"{{7*7}}",
    b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x80\x00\x00\x00",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 3, 10**30, 0.5, float("nan"), float("inf"), -1e308, "", "x", "\ud800",
    "\x00", "../x", [], [[]], [None], {}, {"x": []}, "9" * 30, [[1, 2, 3, 4]], [1e400, 0, 1, 1],
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """One of the files with one to five changes: bytes replaced, put in, taken out or repeated, or
    its end cut off."""
    content = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(content)))
        kind = draw(st.sampled_from(("set", "put in", "take out", "repeat", "cut")))
        span = draw(st.integers(1, 16))
        if kind == "set":
            changed = draw(st.binary(min_size=1, max_size=4))
            content = content[:at] + changed + content[at + len(changed) :]
        elif kind == "put in":
            content = content[:at] + draw(st.sampled_from(_TOKENS)) + content[at:]
        elif kind == "take out":
            content = content[:at] + content[at + span :]
        elif kind == "repeat":
            content = content[:at] + content[at : at + span] * 2 + content[at + span :]
        else:
            content = content[:at]
    return content


@st.composite
def restructured(draw: st.DrawFn, seed: Any) -> bytes:
    """A JSON file in which one to four values are others."""
    whole = json.loads(json.dumps(seed))
    for _ in range(draw(st.integers(1, 4))):
        places = list(_places(whole))
        if places:
            holder, key = draw(st.sampled_from(places))
            # A copy: a list put into itself would be without an end, here and in later files.
            holder[key] = copy.deepcopy(draw(st.sampled_from(_VALUES)))
    return json.dumps(whole).encode()


def _places(value: Any) -> Any:
    """Every list or object of a JSON with each key in it."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in list(keys):
        yield value, key
        yield from _places(value[key])
