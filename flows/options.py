"""The flags of `camaudit run`, one for each key of AuditConfig."""

from typing import Annotated

import typer

from tasks.config import AuditConfig


def flag(key: str, *names: str) -> typer.models.OptionInfo:
    """A typer option whose help is the sentence under the configuration's field."""
    option: typer.models.OptionInfo = typer.Option(
        *names, help=AuditConfig.model_fields[key].description
    )
    return option


Images = Annotated[str | None, flag("images")]
Model = Annotated[str | None, flag("model")]
Out = Annotated[str | None, flag("out")]
Weights = Annotated[str | None, flag("weights")]
Classes = Annotated[str | None, flag("classes")]
Annotations = Annotated[str | None, flag("annotations")]
Roots = Annotated[list[str] | None, flag("roots", "--root")]
Title = Annotated[str | None, flag("title")]
Note = Annotated[str | None, flag("note")]
Method = Annotated[str | None, flag("method")]
Target = Annotated[str | None, flag("target")]
TargetLayer = Annotated[str | None, flag("target_layer")]
UnitLayers = Annotated[str | None, flag("unit_layers")]
Resize = Annotated[int | None, flag("resize")]
Crop = Annotated[int | None, flag("crop")]
Mean = Annotated[str | None, flag("mean")]
Std = Annotated[str | None, flag("std")]
Interpolation = Annotated[str | None, flag("interpolation")]
ShardSize = Annotated[int | None, flag("shard_size")]
BatchSize = Annotated[int | None, flag("batch_size")]
WorkerCount = Annotated[int | None, flag("workers")]
Device = Annotated[str | None, flag("device")]
Exact = Annotated[bool | None, flag("exact", "--exact")]
FastDecode = Annotated[bool | None, flag("fast_decode", "--fast-decode")]
TopK = Annotated[int | None, flag("top_k")]
UnitTopK = Annotated[int | None, flag("unit_top_k")]
SecondPass = Annotated[float | None, flag("second_pass")]
Scheduler = Annotated[str | None, flag("scheduler")]
Previous = Annotated[str | None, flag("previous")]
