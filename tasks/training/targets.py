"""What each example is to be taken for, how much it counts, and how its group then fares."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tasks.training.batches import class_weights
from tasks.training.examples import Examples
from tasks.training.group_results import group_results
from tasks.training.mending import groups_of, mended_weights
from tasks.training.original import original_predictions
from tasks.training.pictures import Pictures
from tasks.training.plan import TrainPlan


def targets(examples: Examples, plan: TrainPlan) -> tuple[Tensor, Tensor]:
    """Labels, int64, and the weight of each image's loss, float32."""
    labels, config = examples.labels, plan.config
    groups = groups_of(config, examples, plan.suggested)
    weights = mended_weights(config, examples, groups, plan.suggested)
    if config.class_weights:
        trained = labels[examples.of(validation=False)]
        weights = weights * class_weights(trained, len(examples.classes.names))[labels]
    return torch.from_numpy(labels), torch.from_numpy(weights.astype(np.float32))


def group_facts(
    plan: TrainPlan,
    examples: Examples,
    predictions: npt.NDArray[np.int64],
    pictures: Pictures | None = None,
) -> dict[str, Any]:
    """The worst group of the images that measure, where something groups them.

    predictions : of the trained model
    pictures : of all examples, to ask the model that it goes on from; None: it is not asked
    """
    groups = groups_of(plan.config, examples, plan.suggested)
    if groups is None:
        return {}
    rows = examples.of(validation=True)
    of_rows = [groups[row] for row in rows]
    before = None if pictures is None else original_predictions(plan, pictures, rows)
    return {
        "groups": group_results(
            of_rows, examples.labels[rows], before, predictions, plan.config.group_by is not None
        )
    }
