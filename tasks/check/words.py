"""A case of a check in words."""

import math

from tasks.check.check import Case


def measured_words(case: Case) -> str:
    """As '0.43 [0.28, 0.59]', '-0.083 [-0.149, -0.024]' for a change, '3' for a count."""
    measured, known = case.measured, case.limit.known
    if not math.isfinite(measured.value):
        return "unknown"
    sign = "+" if case.limit.against else ""
    if known.counted:
        return f"{measured.value:{sign}.0f}"
    value = f"{measured.value:{sign}.3f}"
    if not (math.isfinite(measured.low) and math.isfinite(measured.high)):
        return value
    return f"{value} [{measured.low:{sign}.3f}, {measured.high:{sign}.3f}]"


def denominators(case: Case) -> str:
    """As '50 images', '9 tested of 60', for a change those of both audits."""
    measured, known = case.measured, case.limit.known
    what = "images"
    if known.name in ("dead_units", "died_units", "changed_units", "dead_unit_share"):
        what = "units"
    elif known.name in ("confirmed_findings", "new_findings"):
        what = "findings"
    elif known.name == "background_driven_share":
        what = "mistakes"
    now = _of(measured.images, measured.tested, what, known.counted)
    if measured.images_before is None:
        return now
    tested = measured.images_before if measured.tested_before is None else measured.tested_before
    return f"{now}, before {_of(measured.images_before, tested, what, known.counted)}"


def _of(images: int, tested: int, what: str, counted: bool) -> str:
    if counted or tested == images:
        return f"{images:,} {what}"
    return f"{tested:,} tested of {images:,} {what}"
