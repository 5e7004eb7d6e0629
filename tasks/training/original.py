"""The model that a training goes on from, as it came."""

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tasks.model.linear_head import linear_of
from tasks.model.loading import load_model
from tasks.training.config import TrainConfig
from tasks.training.pictures import Pictures, stack
from tasks.training.plan import TrainPlan

Labels = npt.NDArray[np.int64]


def original_layer(config: TrainConfig, layer: str, names: tuple[str, ...]) -> nn.Linear | None:
    """The last layer that the model came with; None where it was made for other classes."""
    loaded = load_model(config.model, config.weights)
    linear = linear_of(loaded.module, layer)
    return linear if _are(loaded.categories, linear.out_features, names) else None


def original_predictions(plan: TrainPlan, pictures: Pictures, rows: Labels) -> Labels | None:
    """What the model says of these rows before it is trained on: class indices, shape (N,); None
    where it starts from random weights or was made for other classes."""
    config, names = plan.config, plan.examples.classes.names
    if config.way == "scratch":
        return None
    loaded = load_model(config.model, config.weights)
    module, found = loaded.module.to(plan.device), []
    with torch.inference_mode():
        for part in np.array_split(rows, -(-len(rows) // config.images_per_step)):
            views = stack([pictures.cut(int(row)) for row in part]).to(plan.device)
            logits = module(plan.preprocessing.normalise(views))
            if not _are(loaded.categories, logits.shape[1], names):
                return None
            found.append(logits.argmax(dim=1).cpu().numpy())
    return np.concatenate(found)


def _are(categories: tuple[str, ...], outputs: int, names: tuple[str, ...]) -> bool:
    """Whether a model's classes are these, as far as it tells their names."""
    return outputs == len(names) and (not categories or tuple(categories) == names)
