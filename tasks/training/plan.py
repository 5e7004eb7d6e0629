"""What a training will do: checked before any work starts."""

import hashlib
import importlib.metadata
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tasks.errors import AuditError
from tasks.images.preprocessing import Preprocessing
from tasks.index.plan import resolve_preprocessing
from tasks.model.cam_cut import choose_cut
from tasks.model.linear_head import find_linear_head
from tasks.model.loading import load_model, model_digest
from tasks.model.names import SMALL
from tasks.model.precision import arithmetic
from tasks.model.probe import example_images
from tasks.model.recipe import SOURCE_FILE, Head, Recipe, put_on, without_auxiliary_heads
from tasks.model.trained import TRAINING_SCHEMA, read_training
from tasks.training.config import TrainConfig
from tasks.training.examples import Examples, list_examples
from tasks.training.folder import TrainingFolder
from tasks.training.mending import check_mending, groups_of
from tasks.training.suggested import Suggested, read_suggestions, with_decided_labels

# What the trained weights do not depend on.
_NOT_IDENTITY = {"out", "device", "workers", "images", "roots"}


@dataclass(frozen=True)
class TrainPlan:
    """Everything that is known before the first image is read.

    module : the base with its head, which is random where it is new
    head : name of the head's part of the module, whose other weights are the base's; the linear
        layer itself with --way features
    base_digest : of the base as it was loaded
    """

    config: TrainConfig
    folder: TrainingFolder
    examples: Examples
    preprocessing: Preprocessing
    recipe: Recipe
    module: nn.Module
    head: str
    base_digest: str
    source: str
    device: torch.device
    suggested: Suggested | None = None

    def identity(self) -> dict[str, Any]:
        """All that the trained weights depend on, for started.json."""
        config = self.config.model_dump(mode="json")
        return {
            "schema": TRAINING_SCHEMA,
            "camaudit": importlib.metadata.version("camaudit"),
            "config": {k: v for k, v in config.items() if k not in _NOT_IDENTITY},
            "images": {"digest of files, labels and splits": self.examples.digest()},
            "base": {"digest of the base's code and weights": self.base_digest},
            "preprocessing": self.preprocessing.to_dict(),
            "classes": list(self.examples.classes.names),
            "suggestions": None if self.suggested is None else self.suggested.to_dict(),
            "groups": groups_of(self.config, self.examples, self.suggested),
        }


def plan_training(config: TrainConfig, device: str) -> TrainPlan:
    """List the images, load the base, put the head on. Writes nothing.

    device : cpu or cuda

    Raises: AuditError for anything that cannot work.
    """
    if Path(config.out).is_relative_to(config.images):
        raise AuditError(
            f"the folder {config.out} lies inside the images {config.images}. Give another --out"
        )
    arithmetic(config.precision, torch.device(device))
    if config.way == "scratch" and _is_training(config.model):
        raise AuditError(
            f"way 'scratch' starts from random weights, and {config.model} is trained; give --way "
            "finetune, or the model that it was made from"
        )
    torch.manual_seed(config.seed)
    loaded = load_model(config.model, config.weights, untrained=config.way == "scratch")
    if loaded.fixed_batch is not None or config.model.endswith(".pt2"):
        raise AuditError(
            f"{config.model} is an exported program, which only predicts; expected a model that "
            "can be trained: torchvision:NAME, timm:NAME or FILE.py:FUNCTION"
        )
    preprocessing = resolve_preprocessing(loaded, config)
    base = without_auxiliary_heads(loaded.module)
    digest = model_digest(base, loaded.source)
    images = example_images(loaded, preprocessing.crop)
    logits = _logits(base, images, config.model)
    examples = list_examples(config)
    suggested = read_suggestions(config.suggestions) if config.suggestions else None
    if suggested is not None:
        examples = with_decided_labels(examples, suggested)
    check_mending(config, examples, suggested)
    recipe, module, head = _build(config, base, images, logits.shape[1], examples.classes.names)
    return TrainPlan(
        config, TrainingFolder(config.out), examples, preprocessing, recipe, module, head,
        digest, loaded.source, torch.device(device), suggested,
    )  # fmt: skip


def _build(
    config: TrainConfig,
    base: nn.Module,
    images: Tensor,
    outputs: int,
    names: tuple[str, ...],
) -> tuple[Recipe, nn.Module, str]:
    """The recipe, the base with the head that it names, and the name of the head's part."""
    given = _recipe_of(config)
    crop, has_cam_head = images.shape[-1], given.head.kind in ("gap", "gmp")
    if config.cam_head is not None:
        if has_cam_head:
            raise AuditError(
                f"{config.model} has a head for class activation maps already; leave --cam-head out"
            )
        cut = config.cut or choose_cut(base, images)
        head = Head(config.cam_head, cut=cut, units=config.units)
        return replace(given, head=head), put_on(base, head, len(names), crop), "head"
    if config.way == "scratch" and outputs == len(names):
        return given, base, ""
    layer = find_linear_head(base, images, config.model)
    linear = Head("linear", layer)
    recipe = given if has_cam_head else replace(given, head=linear)
    of_head = "head" if has_cam_head and config.way == "finetune" else layer
    if _goes_on(config, names):
        return recipe, base, of_head
    return recipe, put_on(base, linear, len(names), crop), of_head


def _goes_on(config: TrainConfig, names: tuple[str, ...]) -> bool:
    """Whether the base is a training of these very classes, whose head is kept."""
    if config.way != "finetune" or not _is_training(config.model):
        return False
    return bool(tuple(read_training(Path(config.model))["classes"]) == names)


def _recipe_of(config: TrainConfig) -> Recipe:
    """The base's recipe; its head is the one that it came with."""
    spec = config.model
    if _is_training(spec):
        return Recipe.from_dict(read_training(Path(spec)))
    if ".py:" in spec:
        return Recipe(spec, Head("own"), SOURCE_FILE)
    return Recipe(spec, Head("own"))


def source_file(plan: TrainPlan) -> Path | None:
    """The Python file of the base, which the folder gets a copy of."""
    spec = plan.config.model
    if plan.recipe.source_copied is None:
        return None
    if _is_training(spec):
        return Path(spec) / plan.recipe.source_copied
    return Path(spec.rpartition(":")[0])


def _is_training(spec: str) -> bool:
    return spec != SMALL and Path(spec).is_dir()


def _logits(base: nn.Module, images: Tensor, name: str) -> Tensor:
    try:
        with torch.no_grad():
            logits = base.eval()(images)
    except Exception as error:  # a user's forward may raise anything
        side = images.shape[-1]
        raise AuditError(
            f"{name} fails on an input of 3 x {side} x {side}: {type(error).__name__}: {error}. "
            "Give the --crop that the model was made for"
        ) from error
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise AuditError(f"{name} returns {got}; expected logits of the shape (images, classes)")
    return logits


def features_key(plan: TrainPlan) -> str:
    """Fingerprint of all that the stored features depend on."""
    text = repr(
        (plan.base_digest, plan.preprocessing, plan.head, plan.examples.digest(), TRAINING_SCHEMA)
    )
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
