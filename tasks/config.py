"""The configuration of an audit, checked once before any work starts."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cam_kernels.methods.registry import METHODS
from cam_kernels.targets import Scale
from tasks.errors import AuditError
from tasks.model.weights import is_weights_file

Channel = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, gt=0)]
Text = Annotated[str, Field(min_length=1)]


class AuditConfig(BaseModel):
    """One audit: a model, a dataset and how to look."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: Text = Field(description="Folder, CSV or Parquet manifest, or Parquet with images")
    model: Text = Field(description="torchvision:NAME, timm:NAME, FILE.py:FUNCTION or FILE.pt2")
    out: Text = Field(description="Run folder to write")
    weights: str | None = Field(None, description="State dict file or torchvision weights name")
    classes: str | None = Field(None, description="CSV with class_idx,name,folder")
    annotations: str | None = Field(None, description="COCO json with boxes and masks")
    title: str | None = Field(None, description="Heading of the report")
    note: str | None = Field(None, description="Shown at the top of every page of the report")
    method: str = Field(
        "gradcam++",
        description="One or several, with commas; the report draws the first. Of: "
        + ", ".join(METHODS),
    )
    target: Scale = Field(
        "logit", description="Explain the class's logit, probability or (multi-label) sigmoid"
    )
    target_layer: str | None = Field(None, description="Layer to explain; default: the last grid")
    unit_layers: Text | None = Field(
        None, description="Further layers whose units are mined, with commas"
    )
    resize: int | None = Field(None, strict=True, gt=0, le=4096, description="Shorter side, pixels")
    crop: int | None = Field(
        None, strict=True, gt=0, le=4096, description="Side of the centre crop, pixels"
    )
    mean: tuple[Channel, Channel, Channel] | None = Field(None, description="Of values in [0, 1]")
    std: tuple[Channel, Channel, Channel] | None = Field(None, description="Of values in [0, 1]")
    interpolation: Literal["bilinear", "bicubic"] | None = Field(None, description="Of the resize")
    shard_size: Count = Field(256, description="Images per shard, the unit of resume")
    batch_size: Count = Field(32, description="Images per forward")
    workers: int | None = Field(
        None, gt=0, description="Processes; default: one per GPU or 4 cores"
    )
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda)$", description="auto, cpu or cuda")
    exact: bool = Field(False, strict=True, description="Leave the model's arithmetic untouched")
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
            if method not in METHODS:
                raise ValueError(f"method {method!r} is unknown; expected one of {list(METHODS)}")
        if len(set(self.methods)) < len(self.methods):
            raise ValueError(f"method {self.method!r} names one twice; expected each once")
        if self.resize is not None and self.crop is not None and self.crop > self.resize:
            raise ValueError(f"crop {self.crop} is larger than resize {self.resize}")
        if self.std is not None and min(self.std) <= 0:
            raise ValueError(f"std {self.std} must be above 0 in each channel")
        return self


def load_config(file: Path | None, overrides: dict[str, Any]) -> AuditConfig:
    """Configuration from a TOML file and from flags, which win.

    Relative paths in the file are relative to the file, those in flags to the current folder.

    Raises: AuditError for a file that cannot be read, unknown keys and wrong values.
    """
    content: dict[str, Any] = {}
    if file is not None:
        try:
            content = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise AuditError(f"{file} cannot be read as TOML: {error}") from error
        content = _anchored(content, file.resolve().parent)
    given = {key: value for key, value in overrides.items() if value is not None}
    content.update(_anchored(given, Path.cwd()))
    try:
        return AuditConfig.model_validate(content)
    except ValidationError as error:
        raise AuditError(_explain(error)) from error


def check_preprocessing(stated: dict[str, Any], model: str) -> None:
    """Hold what a model states to the rules of the configuration.

    Raises: AuditError.
    """
    try:
        AuditConfig.model_validate({"images": "-", "model": "-", "out": "-", **stated})
    except ValidationError as error:
        raise AuditError(f"the preprocessing of {model}: {_explain(error)}") from error


def _anchored(content: dict[str, Any], base: Path) -> dict[str, Any]:
    """The configuration with its relative paths made absolute from `base`.

    Workers run in folders of their own, so no path may depend on the current one.
    """
    return {
        key: _absolute(value, base) if _is_local_path(key, value) else value
        for key, value in content.items()
    }


def _is_local_path(key: str, value: Any) -> bool:
    if not isinstance(value, str) or not value or "://" in value:
        return False
    if key == "model":
        return ".py:" in value or value.endswith(".pt2")
    if key == "weights":
        return is_weights_file(value)
    return key in ("images", "classes", "annotations", "out", "previous")


def _absolute(path: str, base: Path) -> str:
    return os.path.abspath(base / Path(path).expanduser())


def _explain(error: ValidationError) -> str:
    known = ", ".join(AuditConfig.model_fields)
    lines = ["The configuration does not hold:"]
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "missing":
            lines.append(f"  {key}: missing. Give it as --{key.replace('_', '-')} or in the file.")
        elif problem["type"] == "extra_forbidden":
            lines.append(f"  {key}: unknown key. Known keys: {known}")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"  {key}: {message}; got {problem['input']!r}" if key else f"  {message}")
    return "\n".join(lines)
