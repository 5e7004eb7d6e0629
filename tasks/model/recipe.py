"""How a trained model is built again, without its weights."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from torchvision.models import GoogLeNet, Inception3

from tasks.errors import AuditError
from tasks.model.linear_head import with_linear_head
from tasks.model.loaded import LoadedModel
from tasks.model.sources import load_source
from tasks.model.surgery import with_cam_head

SOURCE_FILE = "base.py"

Kind = Literal["own", "linear", "gap", "gmp"]


@dataclass(frozen=True)
class Head:
    """What stands on the base.

    kind : the base's own last layer; a new linear one in its place; or a convolution, global
        average (gap) or max (gmp) pooling and a linear layer behind `cut`
    layer : the linear layer that was put in place of the base's; None for gap and gmp
    cut, units : last layer of the base that is kept, and units of the convolution; gap and gmp
    """

    kind: Kind
    layer: str | None = None
    cut: str | None = None
    units: int | None = None


@dataclass(frozen=True)
class Recipe:
    """A base and a head.

    model : of `load_source`; with `source_copied` its file is one beside training.json
    """

    model: str
    head: Head
    source_copied: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Part of training.json."""
        base = {"model": self.model, "source_copied": self.source_copied}
        return {"base": base, "head": asdict(self.head)}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "Recipe":
        """Raises: KeyError, TypeError for content that is none."""
        base = content["base"]
        return cls(base["model"], Head(**content["head"]), base.get("source_copied"))

    def spec(self, folder: Path) -> str:
        """What `load_source` takes, given the folder of training.json."""
        if self.source_copied is None:
            return self.model
        return f"{folder.resolve() / self.source_copied}:{self.model.rpartition(':')[2]}"


def build(recipe: Recipe, folder: Path, num_classes: int, crop: int) -> LoadedModel:
    """The model of a recipe with random weights.

    folder : of training.json
    crop : side of the input in pixels

    Raises: AuditError where the base is not what it was.
    """
    loaded = load_source(recipe.spec(folder), None, untrained=True)
    module = put_on(without_auxiliary_heads(loaded.module), recipe.head, num_classes, crop)
    return LoadedModel(module, loaded.preprocessing, source=loaded.source)


def put_on(base: nn.Module, head: Head, num_classes: int, crop: int) -> nn.Module:
    """The base with a head; the base is changed.

    Raises: AuditError where they do not fit.
    """
    if head.kind == "own":
        return base
    if head.kind == "linear":
        return with_linear_head(base, str(head.layer), num_classes)
    images = torch.randn((2, 3, crop, crop), generator=torch.Generator().manual_seed(0))
    if head.cut is None or head.units is None:
        raise AuditError(f"a head of kind {head.kind!r} needs the layer that it is put behind")
    return with_cam_head(base, head.cut, num_classes, head.kind, images, units=head.units)


def without_auxiliary_heads(module: nn.Module) -> nn.Module:
    """GoogLeNet and Inception without the classifiers in their middle, which only training from
    random weights has a use for; other modules as they are. The module is changed."""
    if isinstance(module, GoogLeNet):
        module.aux_logits, module.aux1, module.aux2 = False, None, None
    if isinstance(module, Inception3):
        module.aux_logits, module.AuxLogits = False, None
    return module
