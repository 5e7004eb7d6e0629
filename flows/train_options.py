"""The flags of `camaudit train`, one for each key of TrainConfig."""

from typing import Annotated

import typer

from tasks.training.config import TrainConfig


def _flag(key: str, *names: str) -> typer.models.OptionInfo:
    """A typer option whose help is the sentence under the configuration's field."""
    option: typer.models.OptionInfo = typer.Option(
        *names, help=TrainConfig.model_fields[key].description
    )
    return option


Images = Annotated[str | None, _flag("images")]
Model = Annotated[str | None, _flag("model")]
Out = Annotated[str | None, _flag("out")]
Way = Annotated[str | None, _flag("way")]
Weights = Annotated[str | None, _flag("weights")]
Classes = Annotated[str | None, _flag("classes")]
Annotations = Annotated[str | None, _flag("annotations")]
CamHead = Annotated[str | None, _flag("cam_head")]
Cut = Annotated[str | None, _flag("cut")]
UnitCount = Annotated[int | None, _flag("units")]
Validation = Annotated[float | None, _flag("validation")]
Epochs = Annotated[int | None, _flag("epochs")]
HeadEpochs = Annotated[int | None, _flag("head_epochs")]
Unfreeze = Annotated[int | None, _flag("unfreeze")]
BatchSize = Annotated[int | None, _flag("batch_size")]
Rate = Annotated[float | None, _flag("rate")]
BlockRate = Annotated[float | None, _flag("block_rate")]
WeightDecay = Annotated[float | None, _flag("weight_decay")]
Schedule = Annotated[str | None, _flag("schedule")]
Patience = Annotated[int | None, _flag("patience")]
ClassWeights = Annotated[bool | None, _flag("class_weights", "--class-weights")]
Smoothing = Annotated[float | None, _flag("smoothing")]
Clip = Annotated[float | None, _flag("clip")]
Precision = Annotated[str | None, _flag("precision")]
WorkerCount = Annotated[int | None, _flag("workers")]
Mend = Annotated[str | None, _flag("mend")]
GroupBy = Annotated[str | None, _flag("group_by")]
Suggestions = Annotated[str | None, _flag("suggestions")]
CompositeCount = Annotated[int | None, _flag("composites")]
Seed = Annotated[int | None, _flag("seed")]
