"""One forward per image: logits, maps of the classes that matter, and unit maxima."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cam_kernels.cell_vectors import cell_vectors, evidence_features
from cam_kernels.evidence import LayerEvidence
from cam_kernels.explainer import Explainer
from cam_kernels.layers.ceiling import find_ceilings
from cam_kernels.methods.registry import METHODS
from cam_kernels.methods.weighted_sum import contrast_map
from cam_kernels.names import Scale
from cam_kernels.targets import ClassScore, Target
from cam_kernels.unit_peaks import joined_peaks, unit_contributions, unit_peaks, watched_peaks

CELL_DIMENSIONS = 32


@dataclass(frozen=True)
class FirstPassBatch:
    """What one forward tells of N images.

    `against` is the class that the prediction is held against: the label where the prediction
    is wrong, otherwise (right, or no label) the runner-up.

    logits : (N, classes) float32
    predicted, against : (N,) int64
    predicted_maps, against_maps : (N, methods, H, W) float32, >= 0, raw maps of these two classes
    contrast : (N, H, W) float32, signed, predicted minus against
    pooled : (N, K) float32, mean activation of each unit
    evidence : (N, K) float32, the same weighted by the contrast's positive part
    cells : (N, H * W, CELL_DIMENSIONS) float32, what each cell holds, see `cell_vectors`
    contribution : (N, K) float32, what each unit gives to the score of the label's class (of an
        image without a label, of the predicted class), see `unit_contributions`
    unit_max : (N, units) float32: the strongest activation of each unit of the target layer,
        then of the unit layers; behind a `Ceiling` what it would be without
    unit_position : (N, units) int64, row * W + col of its cell
    """

    logits: Tensor
    predicted: Tensor
    against: Tensor
    predicted_maps: Tensor
    against_maps: Tensor
    contrast: Tensor
    pooled: Tensor
    evidence: Tensor
    cells: Tensor
    contribution: Tensor
    unit_max: Tensor
    unit_position: Tensor


class FirstPass:
    """Explains as it classifies: one forward, and at most two backwards of the head.

    model, target_layer, images, exact, autocast : as in `Explainer`
    methods : keys of `METHODS`, all from the same forward
    scale : what of the two classes is explained, see `ClassScore`
    unit_layers : further layers whose units' strongest activations are wanted

    Raises: ValueError for `cam` without global pooling and one linear layer, and for a layer
    that is unknown or has no grid.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layer: str,
        methods: Sequence[str],
        images: Tensor,
        *,
        scale: Scale = "logit",
        unit_layers: Sequence[str] = (),
        exact: bool = False,
        tolerance: float = 1e-3,
        autocast: torch.dtype | None = None,
    ) -> None:
        self.explainer = Explainer(
            model,
            target_layer,
            images,
            watched=unit_layers,
            exact=exact,
            tolerance=tolerance,
            autocast=autocast,
        )
        self.methods, self._scale = list(methods), scale
        self._layer = target_layer
        mined = (target_layer, *unit_layers)
        self._ceilings = find_ceilings(self.explainer.untouched, mined, images)
        uncut = {n: self.explainer.layouts[n] for n in self._ceilings if n == target_layer}
        self._watched = uncut | self.explainer.watched
        head = self.explainer.heads[target_layer]
        if "cam" in self.methods and head is None:
            raise ValueError(
                f"method 'cam' needs global pooling and one linear layer after {target_layer!r}, "
                "which this model has not; use 'gradcam++' or 'gradcam'"
            )

    def compile_trunk(self, images: Tensor) -> None:
        """As of `Explainer`, with the unit layers left as they are.

        images : Tensor, shape (N, C, H, W), a whole batch as the model takes them
        """
        self.explainer.compile_trunk(images, [each.module for each in self._ceilings.values()])

    @torch.inference_mode(False)
    @torch.no_grad()
    def __call__(self, images: Tensor, labels: Tensor) -> FirstPassBatch:
        """Explain one batch with one forward.

        images : Tensor, shape (N, C, H, W), as the model takes them
        labels : Tensor, shape (N,), int64, -1 where unknown, else below the number of classes

        Raises: ValueError where the two differ in length.
        """
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images but {len(labels)} labels; expected as many")
        watched = watched_peaks(self.explainer.model, self._watched, self._ceilings)
        with watched as others:
            forward = self.explainer.forward(images)
        logits, evidence = forward.logits, forward.layers[self._layer]
        predicted, against = compared_classes(logits, labels)
        targets = [ClassScore(classes, self._scale, known=True) for classes in (predicted, against)]
        activations = evidence.activations
        peaks = joined_peaks({self._layer: [unit_peaks(activations)], **others})
        predicted_gradient, against_gradient = (evidence.gradients(t) for t in targets)
        mistaken = (labels == against)[:, None, None, None]
        label_gradient = torch.where(mistaken, against_gradient, predicted_gradient)
        contrast = contrast_map(activations, predicted_gradient - against_gradient)
        return FirstPassBatch(
            logits=logits,
            predicted=predicted,
            against=against,
            predicted_maps=self._maps(evidence, targets[0]),
            against_maps=self._maps(evidence, targets[1]),
            contrast=contrast,
            pooled=activations.mean(dim=(2, 3)),
            evidence=evidence_features(activations, contrast),
            cells=cell_vectors(activations, CELL_DIMENSIONS),
            contribution=unit_contributions(activations, label_gradient),
            unit_max=peaks.activation,
            unit_position=peaks.position,
        )

    def _maps(self, evidence: LayerEvidence, target: Target) -> Tensor:
        """(N, methods, H, W); a map at the image's size (FullGrad) is averaged over the cells."""
        rows, cols = evidence.activations.shape[2:]
        maps = [METHODS[name].map(evidence, target) for name in self.methods]
        return torch.stack(
            [
                m if m.shape[1:] == (rows, cols) else F.adaptive_avg_pool2d(m, (rows, cols))
                for m in maps
            ],
            dim=1,
        )


def compared_classes(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The predicted class and the one that it is held against.

    logits : Tensor, shape (N, classes), at least two classes
    labels : Tensor, shape (N,), int64, -1 where unknown

    Returns: two Tensors of shape (N,), int64: the class of the largest logit (the lowest index
    of equals); and the label where it differs, otherwise the class of the next largest logit.
    """
    predicted = logits.argmax(dim=1)
    others = logits.scatter(1, predicted[:, None], float("-inf"))
    mistaken = (labels >= 0) & (labels != predicted)
    return predicted, torch.where(mistaken, labels, others.argmax(dim=1))
