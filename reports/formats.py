"""How numbers read on a page."""

import math
from collections.abc import Callable
from typing import Any

from reports.quantities import Estimate, Mean, Rate

MISSING = "–"


def percent(value: float | None) -> str:
    """A share in [0, 1] as '64.2 %'; a dash where it is missing."""
    if _missing(value):
        return MISSING
    share = 100 * _number(value)
    return "< 0.1 %" if 0 < share < 0.05 else f"{share:.1f} %"


def interval(quantity: Rate | Mean | Estimate) -> str:
    """The bounds of a share in percent, as '[59.9, 68.3]'; nothing where there are none."""
    if _missing(quantity.low):
        return ""
    low, high = (_minus(f"{100 * bound:.1f}") for bound in (quantity.low, quantity.high))
    return f"[{low}, {high}]"


def count(value: int) -> str:
    """A whole number with its thousands marked, as '12,345'."""
    return f"{value:,}"


def decimal(value: float | None, digits: int = 2) -> str:
    """A number with a real minus sign; a dash where it is missing."""
    return MISSING if _missing(value) else _minus(f"{_number(value):.{digits}f}")


def signed(value: float | None, digits: int = 2) -> str:
    """A number that is for or against something, as '+3.10' or '−0.42'."""
    if _missing(value):
        return MISSING
    return _minus(f"{_number(value):+.{digits}f}")


def p_value(value: float | None) -> str:
    """As '0.034' or '< 0.001'; a dash where it is missing."""
    if _missing(value):
        return MISSING
    return "< 0.001" if _number(value) < 0.001 else f"{_number(value):.3f}"


def significant(value: float) -> str:
    """Three significant digits, for the ends of a colour scale."""
    return f"{value:.3g}".replace("-", "−")


def magnitude(value: float) -> str:
    """Three significant digits of a value of any size, as '1,860', '0.034' or '2.1 · 10⁻⁸'."""
    size = abs(value)
    if size == 0 or 1e-3 <= size < 999.5:
        return significant(value)
    if 999.5 <= size < 1e6:
        return f"{value:,.0f}".replace("-", "−")
    digits, exponent = f"{value:.1e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{digits} · 10{raised}".replace("-", "−")


def plural(number: int, one: str, many: str | None = None) -> str:
    """'1 image', '2,000 images'."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def ordinal(number: int) -> str:
    """'99th'; for the percentiles 1 to 99."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number in (11, 12, 13) else ending}"


def sort_key(value: float | None) -> str:
    """What a table sorts by; nothing where the value is missing, which sorts last."""
    return "" if _missing(value) else f"{_number(value):.6g}"


FILTERS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        percent,
        interval,
        count,
        decimal,
        signed,
        p_value,
        significant,
        magnitude,
        plural,
        ordinal,
        sort_key,
    )
}


def _minus(text: str) -> str:
    """What is zero as printed has no sign."""
    return text.lstrip("+-") if float(text) == 0 else text.replace("-", "−")


def _missing(value: float | None) -> bool:
    return value is None or not math.isfinite(value)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
