"""Rows of `predictions` from a batch of logits."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from cam_kernels.first_pass import FirstPassBatch
from tasks.images.inputs import InputImage


def prediction_columns(
    images: list[InputImage], batch: FirstPassBatch, top_k: int
) -> dict[str, Any]:
    """Columns of schema PREDICTIONS for N images.

    batch : logits of shape (N, classes), finite
    """
    logits = batch.logits.double()
    labels = torch.tensor([image.label for image in images])
    known = labels >= 0
    log_probability = logits.log_softmax(dim=1)
    of_label = log_probability.gather(1, labels.clamp_min(0)[:, None])[:, 0]
    of_predicted = log_probability.gather(1, batch.predicted[:, None])[:, 0]
    logit_predicted = logits.gather(1, batch.predicted[:, None])[:, 0]
    logit_against = logits.gather(1, batch.against[:, None])[:, 0]
    correct = known & (labels == batch.predicted)
    mistaken = known & ~correct
    # For a mistake the label is held against the prediction, so the margin is negative.
    margin = torch.where(mistaken, -1.0, 1.0) * (logit_predicted - logit_against)
    # A stable sort: of equal logits the lower class comes first.
    order = logits.argsort(dim=1, descending=True, stable=True)[:, :top_k]
    return {
        "image_id": [image.image_id for image in images],
        "label": labels.numpy(),
        "predicted": batch.predicted.numpy(),
        "correct": _known_only(correct, known),
        "probability": of_predicted.exp().float().numpy(),
        "label_probability": _known_only(of_label.exp().float(), known),
        "margin": margin.float().numpy(),
        "loss": _known_only(-of_label.float(), known),
        "top_k_class": order.int().tolist(),
        "top_k_logit": batch.logits.gather(1, order).tolist(),
        "width": [image.placement.width for image in images],
        "height": [image.placement.height for image in images],
    }


def label_ranks(images: list[InputImage], batch: FirstPassBatch) -> npt.NDArray[np.int64]:
    """How many classes come before the label, the larger logits first, of equal ones the lower
    class: 0 where the prediction is right. int64, shape (N,); no meaning where it is unknown."""
    labels = torch.tensor([image.label for image in images]).clamp_min(0)[:, None]
    own = batch.logits.gather(1, labels)
    lower = torch.arange(batch.logits.shape[1])[None] < labels
    ranks: npt.NDArray[np.int64] = (
        ((batch.logits > own) | ((batch.logits == own) & lower)).sum(dim=1).numpy()
    )
    return ranks


def _known_only(values: torch.Tensor, known: torch.Tensor) -> pa.Array:
    return pa.array(values.numpy(), mask=~known.numpy())
