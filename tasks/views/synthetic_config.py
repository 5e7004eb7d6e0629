"""What `camaudit units` is asked for, checked before any work starts."""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cam_kernels.names import ParametrisationName
from tasks.errors import AuditError
from tasks.input_config import Channel

DEFAULT_COUNT = 16
Index = Annotated[int, Field(ge=0)]


class SyntheticConfig(BaseModel):
    """Which units and classes to draw, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(
        min_length=1, description="torchvision:NAME, timm:NAME, FILE.py:FUNCTION or FILE.pt2"
    )
    weights: str | None = Field(None, description="State dict file or torchvision weights name")
    layer: str | None = Field(None, description="Layer whose units to draw; see camaudit layers")
    units: tuple[Index, ...] = Field((), description="Units of the layer, as 0,3,7")
    count: int | None = Field(
        None, gt=0, description=f"Units evenly over the layer; default: {DEFAULT_COUNT}"
    )
    classes: tuple[Index, ...] = Field((), description="Classes whose logits to draw, as 1,207")
    mean: tuple[Channel, Channel, Channel] | None = Field(None, description="Of values in [0, 1]")
    std: tuple[Channel, Channel, Channel] | None = Field(None, description="Of values in [0, 1]")
    size: int = Field(128, ge=16, le=1024, description="Side of the pictures, pixels")
    steps: int = Field(160, gt=0, description="Steps of gradient ascent")
    learning_rate: float = Field(0.08, gt=0, allow_inf_nan=False, description="Of the steps")
    per_unit: int = Field(
        1, gt=0, le=16, description="Pictures of each unit, driven apart from one another"
    )
    parametrisation: ParametrisationName = Field(
        "fourier", description=f"One of {', '.join(get_args(ParametrisationName))}"
    )
    smoothness: float = Field(
        20.0, ge=0, allow_inf_nan=False, description="Weight of the total variation"
    )
    centre: bool = Field(False, description="Climb in the centre cell, not in the map's mean")
    seed: int = Field(0, ge=0, lt=2**63, description="Of all randomness")
    device: Literal["cpu", "cuda"] = Field("cpu", description="cpu or cuda")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.std is not None and min(self.std) <= 0:
            raise ValueError(f"std {self.std} must be above 0 in each channel")
        if self.units and self.count is not None:
            raise ValueError("both --units and --count are given; give one of them")
        if self.layer is None and (self.units or self.count is not None):
            raise ValueError("--units and --count need the --layer that they are of")
        if self.layer is None and not self.classes:
            raise ValueError("nothing to draw; give --layer, or --classes for class logits")
        return self


def load_synthetic_config(given: dict[str, Any]) -> SyntheticConfig:
    """Hold flags to the rules; None stands for a flag that is not given.

    Raises: AuditError.
    """
    try:
        return SyntheticConfig.model_validate({k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        raise AuditError("\n".join(_explain(problem) for problem in error.errors())) from error


def _explain(problem: Any) -> str:
    message = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return str(message)
    return f"--{str(problem['loc'][0]).replace('_', '-')}: {message}; got {problem['input']!r}"
