"""Numbers as a page shows them."""

import pytest

from reports.formats import decimal, interval, signed
from reports.quantities import Estimate


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (-0.04, 1, "0.0"),
        (0.004, 2, "0.00"),
        (-0.05, 2, "\u22120.05"),
        (1.25, 1, "+1.2"),
        (None, 2, "–"),
    ],
)
def test_a_number_that_is_zero_as_printed_has_no_sign(
    value: float | None, digits: int, text: str
) -> None:
    assert signed(value, digits) == text


def test_a_decimal_has_a_sign_only_below_zero_as_printed() -> None:
    assert [decimal(value, 1) for value in (-0.04, 0.04, -1.25, 3)] == [
        "0.0",
        "0.0",
        "\u22121.2",
        "3.0",
    ]


def test_bounds_below_zero_have_a_true_minus() -> None:
    assert interval(Estimate(0.0, -0.0004, 0.0004, 10, 10)) == "[0.0, 0.0]"
    assert interval(Estimate(0.05, -0.028, 0.365, 10, 10)) == "[\u22122.8, 36.5]"
