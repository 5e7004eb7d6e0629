"""What an audit and a training have in common in their configuration, and how it is read."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tasks.errors import AuditError
from tasks.model.names import SMALL, is_weights_file

Channel = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, gt=0)]
Text = Annotated[str, Field(min_length=1)]


class InputConfig(BaseModel):
    """Which images go through which model, and how they are made its input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: Text = Field(
        description="Folder, CSV or Parquet manifest, Parquet with images or tar shards; a path, "
        "pattern or URL"
    )
    model: Text = Field(
        description="torchvision:NAME, timm:NAME, FILE.py:FUNCTION, FILE.pt2, small or a folder "
        "that 'camaudit train' wrote"
    )
    out: Text = Field(description="Run folder to write")
    weights: str | None = Field(None, description="State dict file or torchvision weights name")
    classes: str | None = Field(None, description="CSV with class_idx,name,folder")
    annotations: str | None = Field(None, description="COCO json with boxes and masks")
    roots: tuple[Text, ...] = Field(
        (), description="Folder or URL that a manifest's images and masks may lie in, once for "
        "each; default: the manifest's own, or the folder of images",
    )  # fmt: skip
    resize: int | None = Field(None, strict=True, gt=0, le=4096, description="Shorter side, pixels")
    crop: int | None = Field(
        None, strict=True, gt=0, le=4096, description="Side of the centre crop, pixels"
    )
    mean: tuple[Channel, Channel, Channel] | None = Field(None, description="Of values in [0, 1]")
    std: tuple[Channel, Channel, Channel] | None = Field(None, description="Of values in [0, 1]")
    interpolation: Literal["bilinear", "bicubic"] | None = Field(None, description="Of the resize")
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda)$", description="auto, cpu or cuda")

    @model_validator(mode="after")
    def _view_holds(self) -> Self:
        if self.resize is not None and self.crop is not None and self.crop > self.resize:
            raise ValueError(f"crop {self.crop} is larger than resize {self.resize}")
        if self.std is not None and min(self.std) <= 0:
            raise ValueError(f"std {self.std} must be above 0 in each channel")
        return self


Config = TypeVar("Config", bound=InputConfig)


def read_config(file: Path | None, overrides: dict[str, Any], kind: type[Config]) -> Config:
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
    given = {key: value for key, value in overrides.items() if value is not None and value != []}
    content.update(_anchored(given, Path.cwd()))
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise AuditError(explain_errors(error, kind)) from error


def _anchored(content: dict[str, Any], base: Path) -> dict[str, Any]:
    """The configuration with its relative paths made absolute from `base`.

    Workers run in folders of their own, so no path may depend on the current one.
    """
    anchored = {
        key: _absolute(value, base) if _is_local_path(key, value, base) else value
        for key, value in content.items()
    }
    if isinstance(content.get("roots"), list):
        anchored["roots"] = [_anchored({"root": each}, base)["root"] for each in content["roots"]]
    return anchored


def _is_local_path(key: str, value: Any, base: Path) -> bool:
    if not isinstance(value, str) or not value or "://" in value:
        return False
    if key == "model":
        return ".py:" in value or value.endswith(".pt2") or _is_folder(value, base)
    if key == "weights":
        return is_weights_file(value)
    return key in ("images", "root", "classes", "annotations", "suggestions", "out", "previous")


def _is_folder(model: str, base: Path) -> bool:
    return model != SMALL and (base / Path(model).expanduser()).is_dir()


def _absolute(path: str, base: Path) -> str:
    return os.path.abspath(base / Path(path).expanduser())


def explain_errors(error: ValidationError, kind: type[BaseModel]) -> str:
    """Text of an error that names each wrong key, what was expected and what was got."""
    known = ", ".join(kind.model_fields)
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
