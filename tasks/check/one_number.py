"""One number of one subject, with what it rests on."""

from dataclasses import dataclass

NAN = float("nan")


@dataclass(frozen=True)
class Measured:
    """subject : a class, pair, slice or layer by name; 'all'
    value, low, high : of the audit, or of its change since the other; NaN where unknown
    images : the denominator; tested : of those, what the number was estimated from
    images_before, tested_before : of the earlier audit; None where the number is no change
    changed : the change is called one by `camaudit diff`
    missing : why it cannot be judged; '' where it can
    harmless : what is missing could break no limit: of no mistakes none is driven
    """

    subject: str
    value: float = NAN
    low: float = NAN
    high: float = NAN
    images: int = 0
    tested: int = 0
    images_before: int | None = None
    tested_before: int | None = None
    changed: bool = False
    missing: str = ""
    harmless: bool = False
