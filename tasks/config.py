"""The configuration of an audit, checked once before any work starts."""

from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from cam_kernels.names import TITLES, Scale
from tasks.errors import AuditError
from tasks.input_config import Count, InputConfig, Text, explain_errors, read_config


class AuditConfig(InputConfig):
    """One audit: a model, a dataset and how to look."""

    title: str | None = Field(None, description="Heading of the report")
    note: str | None = Field(None, description="Shown at the top of every page of the report")
    method: str = Field(
        "gradcam++",
        description="One or several, with commas; the report draws the first. Of: "
        + ", ".join(TITLES),
    )
    target: Scale = Field(
        "logit", description="Explain the class's logit, probability or (multi-label) sigmoid"
    )
    target_layer: str | None = Field(None, description="Layer to explain; default: the last grid")
    unit_layers: Text | None = Field(
        None, description="Further layers whose units are mined, with commas"
    )
    shard_size: Count = Field(256, description="Images per shard, the unit of resume")
    batch_size: Count = Field(32, description="Images per forward")
    workers: int | None = Field(
        None, gt=0, description="Processes; default: one per GPU or 4 cores"
    )
    exact: bool = Field(False, strict=True, description="Leave the model's arithmetic untouched")
    fast_decode: bool = Field(
        False, strict=True,
        description="Decode JPEGs at 1/2, 1/4 or 1/8 of their size where that leaves --resize",
    )  # fmt: skip
    top_k: Count = Field(5, description="Classes kept per image")
    unit_top_k: Count = Field(9, description="Images kept per unit")
    second_pass: float = Field(
        0.4, ge=0, le=100, allow_inf_nan=False,
        description="Forwards on changed images, per labelled image; 0: no second pass",
    )  # fmt: skip
    scheduler: str | None = Field(None, description="Address of a running Dask scheduler")
    previous: Text | None = Field(
        None, description="Run folder of an earlier audit; what has not changed is taken from it"
    )

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods by name; the first is the one that statistics and report show."""
        return tuple(name.strip() for name in self.method.split(","))

    @property
    def further_layers(self) -> tuple[str, ...]:
        """The layers beside the target layer whose units are mined."""
        names = self.unit_layers.split(",") if self.unit_layers is not None else []
        return tuple(name.strip() for name in names)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for method in self.methods:
            if method not in TITLES:
                raise ValueError(f"method {method!r} is unknown; expected one of {list(TITLES)}")
        if len(set(self.methods)) < len(self.methods):
            raise ValueError(f"method {self.method!r} names one twice; expected each once")
        return self


def load_config(file: Path | None, overrides: dict[str, Any]) -> AuditConfig:
    """Configuration from a TOML file and from flags, as `read_config` reads it.

    Raises: AuditError.
    """
    return read_config(file, overrides, AuditConfig)


def check_preprocessing(stated: dict[str, Any], model: str) -> None:
    """Hold what a model states to the rules of the configuration.

    Raises: AuditError.
    """
    try:
        AuditConfig.model_validate({"images": "-", "model": "-", "out": "-", **stated})
    except ValidationError as error:
        raise AuditError(
            f"the preprocessing of {model}: {explain_errors(error, AuditConfig)}"
        ) from error
