"""The files of a finished training, by which it is loaded as a model."""

import importlib.metadata
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import torchvision
from torch import nn

from tasks.model.trained import TRAINING_SCHEMA
from tasks.statistics.intervals import wilson_interval
from tasks.tables.whole_files import atomic_path, write_json
from tasks.training.checkpoint import write_tensors
from tasks.training.examples import Examples
from tasks.training.history import History, validation_losses
from tasks.training.pictures import Unreadable
from tasks.training.plan import TrainPlan, source_file
from tasks.training.schedule import best_epoch


@dataclass(frozen=True)
class Outcome:
    """What a training came to.

    module : with the weights of the best epoch
    examples : that could be read
    predictions : class index of each image that measures, in order, by those weights
    facts : more results for training.json
    """

    module: nn.Module
    examples: Examples
    history: History
    predictions: npt.NDArray[np.int64]
    unreadable: list[Unreadable]
    facts: dict[str, Any] = field(default_factory=dict)


def write_trained(plan: TrainPlan, outcome: Outcome, seconds: float) -> dict[str, Any]:
    """Write classes, code, weights and, last, training.json.

    seconds : that this call of the command took

    Returns: the content of training.json.
    """
    folder = plan.folder
    _write_classes(plan)
    copied = source_file(plan)
    if copied is not None and plan.recipe.source_copied is not None:
        with atomic_path(folder.root / plan.recipe.source_copied) as temporary:
            temporary.write_text(plan.source, encoding="utf-8")
    write_tensors(folder.model_file, outcome.module.state_dict(), {})
    content = {
        "schema": TRAINING_SCHEMA,
        "camaudit": importlib.metadata.version("camaudit"),
        **plan.recipe.to_dict(),
        "classes": list(plan.examples.classes.names),
        "preprocessing": plan.preprocessing.to_dict(),
        "config": plan.config.model_dump(mode="json"),
        "results": _results(outcome, seconds),
        "environment": _environment(plan),
    }
    write_json(folder.training_file, content)
    return content


def _write_classes(plan: TrainPlan) -> None:
    """A row for each folder or label, so that the dataset's own words lead to the classes."""
    classes = plan.examples.classes
    words = sorted(classes.index_of.items(), key=lambda item: (item[1], item[0]))
    first = {index: word for word, index in reversed(words)}
    table = pd.DataFrame({"class_idx": range(len(classes.names)), "name": classes.names})
    table["folder"] = [first[index] for index in table["class_idx"]]
    with atomic_path(plan.folder.classes_file) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def _results(outcome: Outcome, seconds: float) -> dict[str, Any]:
    examples, names = outcome.examples, outcome.examples.classes.names
    labels = examples.labels[examples.of(validation=True)]
    right = outcome.predictions == labels
    images = np.bincount(labels, minlength=len(names))
    correct = np.bincount(labels[right], minlength=len(names))
    low, high = wilson_interval(correct, images)
    of_all = wilson_interval(right.sum(), len(right))
    losses = validation_losses(outcome.history)
    best = best_epoch(losses)
    return {
        "images": {
            "train": len(examples.of(validation=False)),
            "validation": len(labels),
            "left_out": examples.left_out,
        },
        "epochs": len(losses),
        "best_epoch": best,
        "loss": losses[best - 1],
        "accuracy": float(right.mean()),
        "accuracy_interval": [float(bound) for bound in of_all],
        "by_class": [
            {
                "class_idx": i,
                "name": names[i],
                "images": int(images[i]),
                "correct": int(correct[i]),
                "accuracy": float(correct[i] / images[i]),
                "accuracy_interval": [float(low[i]), float(high[i])],
            }
            for i in range(len(names))
        ],
        "parameters": sum(p.numel() for p in outcome.module.parameters()),
        "seconds": seconds,
        "seconds_of_epochs": sum(row.seconds for row in outcome.history),
        "unreadable": [{"uri": each.uri, "error": each.error} for each in outcome.unreadable],
        **outcome.facts,
    }


def _environment(plan: TrainPlan) -> dict[str, Any]:
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": str(plan.device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "python": platform.python_version(),
    }
