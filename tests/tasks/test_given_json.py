"""JSON from users: values, or ValueError, whatever it holds."""

import json

import pytest

from tasks.given_json import parse_json


@pytest.mark.parametrize("value", [{"a": [1, None, "é 😀"]}, "\\ud83d", 0.5])
def test_values_are_those_of_the_standard_library(value: object) -> None:
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only)
        assert parse_json(text) == parse_json(text.encode()) == value


@pytest.mark.parametrize(
    "text", ["", "{", '"\\ud83d"', '"\\UD83D"', '{"\\udE00": 1}', b'"\xed\xa0\xbd"', "[" * 200_000]
)
def test_what_is_no_value_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(text)
