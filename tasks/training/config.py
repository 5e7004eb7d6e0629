"""The configuration of a training, checked once before any work starts."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from tasks.input_config import InputConfig, read_config
from tasks.model.names import SMALL

Way = Literal["scratch", "features", "finetune", "dfr"]

WAY_WORDS: dict[Way, str] = {
    "scratch": "trained from scratch",
    "features": "a new head on stored features",
    "finetune": "fine-tuned",
    "dfr": "a new last layer from held-out images",
}
# By way: what is right for most datasets of some hundred to some ten thousand images.
_EPOCHS: dict[Way, int] = {"scratch": 30, "features": 40, "finetune": 10, "dfr": 1}
_RATES: dict[Way, float] = {"scratch": 2e-3, "features": 2e-3, "finetune": 1e-3, "dfr": 1e-3}
_BATCHES: dict[Way, int] = {"scratch": 32, "features": 64, "finetune": 32, "dfr": 32}


class TrainConfig(InputConfig):
    """One training: a dataset, a model to start from and the way to go on from there."""

    model: str = Field(
        SMALL,
        min_length=1,
        description="small (for --way scratch), torchvision:NAME, timm:NAME, FILE.py:FUNCTION or "
        "a folder that 'camaudit train' wrote",
    )
    out: str = Field(min_length=1, description="Folder to write the trained model to")
    way: Way = Field(
        "scratch",
        description="scratch: all weights, from random ones; features: a linear head on the "
        "stored features of a frozen model; finetune: the head, then the last blocks, too; dfr: "
        "the last layer alone, anew, from as many held-out images of each group",
    )
    cam_head: Literal["gap", "gmp"] | None = Field(
        None, description="Instead of the fully connected layers: a convolution, global average "
        "or max pooling, and a linear layer, so that the model has class activation maps",
    )  # fmt: skip
    cut: str | None = Field(
        None, min_length=1, description="Last layer that --cam-head keeps; default: the last grid "
        "of 13 or 14 cells a side",
    )  # fmt: skip
    units: int = Field(1024, strict=True, gt=0, description="Of the convolution of --cam-head")
    validation: float = Field(
        0.2, gt=0, lt=1, allow_inf_nan=False,
        description="Share of each class that measures and does not train; not used where the "
        "manifest's column 'split' has train and val",
    )  # fmt: skip
    epochs: int | None = Field(
        None, strict=True, gt=0, description="At most; default: 30, 40 or 10 (finetune)"
    )
    head_epochs: int = Field(
        3, strict=True, ge=0, description="Of them with finetune: the head alone"
    )
    unfreeze: int = Field(
        2, strict=True, ge=0, description="Last blocks that finetune trains after the head"
    )
    batch_size: int | None = Field(
        None, strict=True, gt=0, description="Images per step; default: 32, or 64 (features)"
    )
    rate: float | None = Field(
        None, gt=0, le=100, allow_inf_nan=False,
        description="Learning rate of AdamW; default: 0.002, or 0.001 (finetune)",
    )  # fmt: skip
    block_rate: float = Field(
        0.1, gt=0, le=1, allow_inf_nan=False, description="Times --rate: that of unfrozen blocks"
    )
    weight_decay: float = Field(0.01, ge=0, allow_inf_nan=False, description="Of AdamW")
    schedule: Literal["cosine", "plateau"] = Field(
        "cosine", description="cosine: warm up, then down to 0; plateau: down tenfold where the "
        "validation loss no longer falls",
    )  # fmt: skip
    patience: int = Field(
        8, strict=True, gt=0, description="Epochs without a lower validation loss before it stops"
    )
    class_weights: bool = Field(
        False, strict=True, description="Weigh the loss by inverse class frequency"
    )
    smoothing: float = Field(
        0.0, ge=0, lt=1, allow_inf_nan=False, description="Of the labels in the training loss"
    )
    clip: float = Field(
        5.0, gt=0, allow_inf_nan=False, description="Longest gradient, as a norm; above, cut down"
    )
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="Of the network's arithmetic; auto: bfloat16 on a GPU that has it"
    )
    workers: int | None = Field(
        None, ge=0, strict=True, description="Processes that read images; default: none on a CPU, "
        "up to 8 beside a GPU",
    )  # fmt: skip
    mend: Literal["reweight", "backgrounds"] | None = Field(
        None, description="reweight: groups of a class weigh the same; backgrounds: half of "
        "the time an image's object stands on the background of another class",
    )  # fmt: skip
    group_by: str | None = Field(
        None, min_length=1, description="Tag of the manifest that parts the images of a class into "
        "groups; for dfr, reweight and the accuracy of the worst group",
    )  # fmt: skip
    suggestions: str | None = Field(
        None, min_length=1, description="List that 'camaudit suggest' wrote: what is left out, "
        "relabelled, weighed and laid on other backgrounds",
    )  # fmt: skip
    composites: int = Field(
        4, strict=True, gt=0, description="Backgrounds for each object with --mend backgrounds"
    )
    seed: int = Field(0, strict=True, ge=0, lt=2**31, description="Of all that is drawn")

    @model_validator(mode="after")
    def _way_holds(self) -> Self:
        if self.way == "features" and self.cam_head is not None:
            raise ValueError(
                "way 'features' stores features behind the pooling, and --cam-head changes what "
                "comes before it; use --way finetune --unfreeze 0 to train the new head alone"
            )
        if self.way != "scratch" and self.model == SMALL:
            raise ValueError(
                f"way {self.way!r} goes on from a trained model, and {SMALL!r} is none; give "
                "--model torchvision:resnet18 or the like, or --way scratch"
            )
        if self.way == "scratch" and self.weights is not None:
            raise ValueError("way 'scratch' starts from random weights; leave --weights out")
        grouped = self.group_by is not None or self.suggestions is not None
        if (self.way == "dfr" or self.mend == "reweight") and not grouped:
            raise ValueError(
                f"{'way dfr' if self.way == 'dfr' else 'mend reweight'} needs groups to even out; "
                "give --group-by TAG, a column of the manifest, or --suggestions FILE"
            )
        if self.mend is not None and self.way == "dfr":
            raise ValueError("way 'dfr' mends by itself; leave --mend out, or give another --way")
        if self.mend == "backgrounds" and self.way == "features":
            raise ValueError(
                "way 'features' looks at each image once, as it is; use --way finetune or scratch "
                "with --mend backgrounds"
            )
        if self.way == "dfr" and self.cam_head is not None:
            raise ValueError("way 'dfr' keeps all but the last layer; leave --cam-head out")
        if self.cut is not None and self.cam_head is None:
            raise ValueError("cut is where --cam-head begins; give --cam-head gap, or no cut")
        return self

    @property
    def all_epochs(self) -> int:
        """Epochs at most, of all phases."""
        return self.epochs or _EPOCHS[self.way]

    @property
    def first_rate(self) -> float:
        """The highest learning rate of the head."""
        return self.rate or _RATES[self.way]

    @property
    def images_per_step(self) -> int:
        """Images of one step of the optimizer."""
        return self.batch_size or _BATCHES[self.way]


def load_train_config(file: Path | None, overrides: dict[str, Any]) -> TrainConfig:
    """Configuration from a TOML file and from flags, which win.

    Raises: AuditError.
    """
    return read_config(file, overrides, TrainConfig)
