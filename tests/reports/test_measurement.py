"""What the overview says of how an audit was measured."""

from types import SimpleNamespace
from typing import Any

import pytest

from reports.measurement import describe_measurement

CPU = {"folded": True, "autocast": None, "compiled": False, "fallbacks": []}
GPU = {"folded": True, "autocast": "bfloat16", "compiled": True, "fallbacks": []}
UNTRACED = {
    **CPU,
    "folded": False,
    "fallbacks": ["not folded: no trace", "not compiled: no compiler"],
}


@pytest.mark.parametrize(
    ("exact", "trunks", "said"),
    [
        (True, [CPU], "exact"),
        (False, [], "optimised for inference"),
        (False, [CPU, {**CPU, "folded": False}], "optimised for inference"),
        (False, "of another version", "optimised for inference"),
        (False, [{"later": 1}, 7], "optimised for inference"),
        (False, [GPU], "optimised for inference, in bfloat16, compiled"),
        (
            False,
            [UNTRACED, GPU],
            "optimised for inference; not folded: no trace; not compiled: no compiler / "
            "optimised for inference, in bfloat16, compiled",
        ),
    ],
)
def test_arithmetic_says_what_fell_back(exact: bool, trunks: Any, said: str) -> None:
    tables: Any = SimpleNamespace(audit={"config": {"exact": exact}}, first_pass={"trunks": trunks})
    assert dict(describe_measurement(tables))["Arithmetic"] == said
