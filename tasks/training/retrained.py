"""Way dfr: the last linear layer of a model, learnt anew from held-out images."""

import time
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tasks.training.examples import Examples
from tasks.training.features import Features
from tasks.training.group_results import group_results
from tasks.training.history import EpochRow
from tasks.training.last_layer import retrain_last_layer
from tasks.training.mending import groups_of
from tasks.training.original import original_layer
from tasks.training.pictures import Unreadable
from tasks.training.plan import TrainPlan
from tasks.training.trained_folder import Outcome

Labels = npt.NDArray[np.int64]


def retrained(
    plan: TrainPlan, examples: Examples, features: Features, unreadable: list[Unreadable]
) -> Outcome:
    """The model with its last layer learnt anew from images that all measure.

    The accuracies are those of layers from the other half of each group: no image is judged by a
    layer that has learnt from it.

    examples, features : of the same images, in the same order

    Raises: AuditError as `retrain_last_layer`.
    """
    start = time.monotonic()
    groups = groups_of(plan.config, examples, plan.suggested) or ()
    values, labels = features.values.astype(np.float64), examples.labels
    layer = retrain_last_layer(
        values, labels, groups, len(examples.classes.names), seed=plan.config.seed
    )
    old = original_layer(plan.config, plan.head, examples.classes.names)
    before = None if old is None else _logits(old, values).argmax(axis=1)
    linear = plan.module.get_submodule(plan.head)
    state = {"weight": torch.from_numpy(layer.weight), "bias": torch.from_numpy(layer.bias)}
    linear.load_state_dict(state)
    predictions = layer.crossed.argmax(axis=1)
    loss = float(
        nn.functional.cross_entropy(torch.from_numpy(layer.crossed), torch.from_numpy(labels))
    )
    accuracy, seconds = float((predictions == labels).mean()), time.monotonic() - start
    row = EpochRow(1, "validation", loss, accuracy, 0.0, seconds)
    facts: dict[str, Any] = {
        "groups": group_results(
            groups, labels, before, predictions, plan.config.group_by is not None
        ),
        "last_layer": {
            "images": layer.images,
            "images_per_group_and_draw": layer.per_group,
            "inverse_strength": layer.strength,
        },
    }
    return Outcome(plan.module, examples, (row,), predictions, unreadable, facts)


def _logits(linear: nn.Linear, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    with torch.no_grad():
        return linear.double()(torch.from_numpy(values)).numpy()
