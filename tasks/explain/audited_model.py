"""The model of a finished audit, for maps and for the probabilities of changed images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cam_kernels.explainer import Explainer
from cam_kernels.faithfulness.variants import Score
from cam_kernels.forward import Forward
from cam_kernels.targets import ClassScore
from tasks.errors import AuditError
from tasks.images.inputs import InputImage
from tasks.images.preprocessing import Preprocessing
from tasks.model.loading import load_model, model_digest
from tasks.model.probe import example_images


@dataclass(frozen=True)
class Explained:
    """N images with the maps of their predicted classes, on the model's device.

    inputs : (N, 3, h, w) float32, as the model takes them
    predicted : (N,) int64
    probability : (N,) float32, of the predicted class
    maps : by method, (N, H, W) float32, raw
    grid : rows and columns of the target layer
    score : the probability of the predicted class for changed images
    batch_size : the most that `score` takes at a time
    """

    inputs: Tensor
    predicted: Tensor
    probability: Tensor
    maps: dict[str, Tensor]
    grid: tuple[int, int]
    score: Score
    batch_size: int


class AuditedModel:
    """Explains as the audit did: the same weights, layer, preprocessing and arithmetic, but that
    on a GPU it stays in the model's own precision.

    facts : content of audit.json
    device : as torch names it

    Raises: AuditError where the model is not the one that was audited.
    """

    def __init__(self, facts: dict[str, Any], device: str) -> None:
        config, self.target_layer = facts["config"], facts["model"]["target_layer"]
        loaded = load_model(config["model"], config["weights"])
        if model_digest(loaded.module, loaded.source) != facts["model"]["digest"]:
            raise AuditError(
                f"{config['model']} is no longer the model that was audited: its code or its "
                "weights have changed since. Bring them back, or audit the new one into another "
                "--out and measure there"
            )
        self.device = torch.device(device)
        self.preprocessing = Preprocessing(**facts["preprocessing"])
        self._fixed_batch = loaded.fixed_batch
        self.batch_size: int = loaded.fixed_batch or config["batch_size"]
        example = example_images(loaded, self.preprocessing.crop).to(self.device)
        self._explainer = Explainer(
            loaded.module.to(self.device), self.target_layer, example, exact=config["exact"]
        )

    def explain(self, images: list[InputImage], methods: Sequence[str]) -> Explained:
        """One forward for at most `batch_size` images, and what the methods cost beyond it.

        Raises: AuditError for a method that cannot explain this model.
        """
        inputs, count = self._inputs([image.pixels for image in images]), len(images)
        forward = self._explainer.forward(self._filled(inputs))
        predicted = forward.logits.argmax(dim=1)
        target = ClassScore(predicted)
        maps = {}
        for method in methods:
            try:
                maps[method] = forward.map(method, target)[:count].detach()
            except ValueError as error:
                raise AuditError(f"method {method!r} cannot explain this model: {error}") from error
        rows, cols = forward.layers[self.target_layer].activations.shape[2:]
        return Explained(
            inputs=inputs,
            predicted=predicted[:count],
            probability=ClassScore(predicted, "probability")(forward.logits)[:count],
            maps=maps,
            grid=(rows, cols),
            score=self._score_of(predicted[:count]),
            batch_size=self.batch_size,
        )

    def forward(self, views: Sequence[Tensor]) -> Forward:
        """One forward for at most `batch_size` views; where a model takes one size of batch only,
        rows beyond theirs follow.

        views : uint8 Tensors, shape (3, crop, crop)
        """
        return self._explainer.forward(self._filled(self._inputs(views)))

    def _inputs(self, views: Sequence[Tensor]) -> Tensor:
        return self.preprocessing.normalise(torch.stack(list(views)).to(self.device))

    def _score_of(self, class_idx: Tensor) -> Score:
        target = ClassScore(class_idx, "probability")

        def score(images: Tensor, of: Tensor) -> Tensor:
            logits = self._explainer.model(self._filled(images))[: len(images)]
            return target.of_variants(of)(logits.float())

        return score

    def _filled(self, images: Tensor) -> Tensor:
        """Up to the only batch size that an exported program takes."""
        missing = (self._fixed_batch or 0) - len(images)
        return (
            torch.cat([images, images[:1].expand(missing, -1, -1, -1)]) if missing > 0 else images
        )
