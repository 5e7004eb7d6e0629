"""A policy: limits on what an audit found, checked once before anything is read."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from tasks.check.check_metrics import CHECK_METRICS, CheckMetric
from tasks.errors import AuditError

Of = Literal["all", "class", "predicted", "pair", "slice", "layer"]
Bound = Literal["estimate", "low", "high"]
OnMissing = Literal["skip", "fail"]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]  # true is no 1

_SIDES = ("at_most", "at_least", "drop_at_most", "rise_at_most")


class Limit(BaseModel):
    """A limit on one metric, of everything or of each class, pair, slice or layer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str = Field(description="What is limited: " + ", ".join(CHECK_METRICS))
    of: Of | None = Field(None, description="Of what; default: the first that the metric knows")
    only: tuple[str, ...] | None = Field(
        None, min_length=1, description="Names of the subjects it is limited to"
    )
    against: bool = Field(
        False, strict=True, description="Limit the change since the audit of --against"
    )
    scope: Literal["common", "all"] = Field(
        "common", description="Changes over the images in both audits, or over all of each"
    )
    bound: Bound = Field(
        "estimate", description="What has to keep the limit: the estimate or a 95 % bound"
    )
    at_most: Number | None = Field(None, description="The value may not be above")
    at_least: Number | None = Field(None, description="The value may not be below")
    drop_at_most: Number | None = Field(None, ge=0, description="It may not fall by more")
    rise_at_most: Number | None = Field(None, ge=0, description="It may not rise by more")
    told_apart: bool = Field(
        False, strict=True, description="Broken only by a change that `camaudit diff` calls one"
    )
    least_images: int = Field(
        10, strict=True, ge=1, description="With fewer images nothing is judged"
    )
    on_missing: OnMissing | None = Field(
        None, description="What cannot be judged: skip or fail; default: the policy's"
    )
    name: str | None = Field(None, min_length=1, description="Of the limit; default: its metric")

    @property
    def known(self) -> CheckMetric:
        return CHECK_METRICS[self.metric]

    @property
    def subjects(self) -> str:
        """The kind of subject, as given or as the metric has it."""
        return self.of or self.known.of[0]

    @property
    def side(self) -> str:
        """The one of _SIDES that is given."""
        return next(side for side in _SIDES if getattr(self, side) is not None)

    @property
    def limit(self) -> float:
        return float(getattr(self, self.side))

    @property
    def title(self) -> str:
        return self.name or f"{self.metric} of {self.subjects}"

    @property
    def words(self) -> str:
        """As 'low bound at most 0.2', 'drop at most 0.02, told apart'."""
        words = self.side.replace("_", " ")
        what = "" if words.startswith(("drop", "rise")) else "value "
        if self.bound != "estimate":
            what = f"{self.bound} bound " + ("of " if not what else "")
        apart = ", told apart" if self.told_apart else ""
        return f"{what}{words} {self.limit:g}{apart}"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.metric not in CHECK_METRICS:
            raise ValueError(
                f"metric {self.metric!r} is unknown; known are {', '.join(CHECK_METRICS)}"
            )
        if self.of is not None and self.of not in self.known.of:
            raise ValueError(
                f"{self.metric} is not known of {self.of!r}; expected {' or '.join(self.known.of)}"
            )
        given = [side for side in _SIDES if getattr(self, side) is not None]
        if len(given) != 1:
            raise ValueError(f"expected one of {', '.join(_SIDES)}, got {given or 'none'}")
        change = self.side in ("drop_at_most", "rise_at_most")
        if change != self.against:
            raise ValueError(
                "drop_at_most and rise_at_most limit a change and need against = true; at_most and "
                "at_least limit a value and do not take it"
            )
        self._check_metric_fits()
        return self

    def _check_metric_fits(self) -> None:
        if self.against and self.known.needs_against:
            raise ValueError(f"{self.metric} compares two audits already: limit it with at_most")
        if self.known.counted and self.bound != "estimate":
            raise ValueError(f"{self.metric} is counted and has no interval: bound is 'estimate'")
        if self.told_apart and not self.against:
            raise ValueError("told_apart is about a change and needs against = true")
        if self.told_apart and self.bound != "estimate":
            raise ValueError("told_apart has its own test: bound is 'estimate'")
        if self.known.share and not 0 <= self.limit <= 1:
            raise ValueError(f"{self.metric} is a share in [0, 1], got the limit {self.limit:g}")
        if self.metric in _VALUE_ONLY and self.against:
            raise ValueError(f"{self.metric} can be limited by at_most or at_least alone")


_VALUE_ONLY = ("worst_slice_accuracy", "unread_share", "dead_unit_share")


class Policy(BaseModel):
    """All limits that an audit has to keep."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: tuple[Limit, ...] = Field(min_length=1, description="The limits")
    on_missing: OnMissing = Field("skip", description="What cannot be judged: skip or fail")

    @property
    def needs_against(self) -> bool:
        return any(limit.against or limit.known.needs_against for limit in self.limit)

    @property
    def of_values(self) -> "Policy":
        """The limits that need no earlier audit; there may be none."""
        kept = tuple(x for x in self.limit if not (x.against or x.known.needs_against))
        return self.model_copy(update={"limit": kept})

    def missing_of(self, limit: Limit) -> OnMissing:
        return limit.on_missing or self.on_missing


_EXAMPLE = """\
    [[limit]]
    metric = "accuracy"
    of = "class"
    at_least = 0.8"""


def load_policy(file: Path) -> Policy:
    """The policy in a TOML file.

    Raises: AuditError for a file that cannot be read, unknown keys and metrics, and limits that do
    not fit together.
    """
    try:
        content: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AuditError(f"{file} cannot be read as TOML: {error}") from error
    try:
        return Policy.model_validate(content)
    except ValidationError as error:
        raise AuditError(_explain(file, error)) from error


def _explain(file: Path, error: ValidationError) -> str:
    lines = [f"The policy {file} does not hold:"]
    problems = error.errors()
    for problem in problems:
        place = ".".join(
            f"{part + 1}" if isinstance(part, int) else str(part) for part in problem["loc"]
        )
        # Of limits that do not hold there are none left, but each has a line of its own here.
        if problem["type"] != "too_short" or place != "limit" or not problems[1:]:
            lines.append(f"  {place}: {_said(problem, place)}")
    return "\n".join(lines)


def _said(problem: ErrorDetails, place: str) -> str:
    kind = problem["type"]
    if kind == "extra_forbidden":
        keys = Limit.model_fields if "." in place else Policy.model_fields
        return f"unknown key. Known keys: {', '.join(keys)}"
    if place == "limit":
        found = "missing" if kind == "missing" else "no list of limits"
        return f"{found}. Each limit begins with a line of its own, as in:\n{_EXAMPLE}"
    if kind == "missing":
        return f"missing. Known metrics: {', '.join(CHECK_METRICS)}"
    if kind == "tuple_type":
        return f'expected a list of names, as in ["cat", "dog"]; got {problem["input"]!r}'
    if kind == "value_error":
        return problem["msg"].removeprefix("Value error, ")
    return f"{problem['msg']}; got {problem['input']!r}"
