"""The methods, by the names that a user gives."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from cam_kernels.evidence import LayerEvidence
from cam_kernels.methods.ablation_cam import ablationcam_closed_form_weights, ablationcam_weights
from cam_kernels.methods.channel_weights import (
    cam_weights,
    gradcam_pp_epsilon_weights,
    gradcam_pp_official_weights,
    gradcam_pp_weights,
    gradcam_weights,
    xgradcam_weights,
)
from cam_kernels.methods.eigen import eigen_gradcam_map, eigencam_map
from cam_kernels.methods.elementwise import (
    elementwise_gradcam_map,
    hirescam_map,
    layercam_map,
)
from cam_kernels.methods.finer import finer_scores
from cam_kernels.methods.fullgrad import fullgrad_map
from cam_kernels.methods.score_cam import iscam_weights, scorecam_weights, sscam_weights
from cam_kernels.methods.shapley import rest_scores, shapleycam_weights
from cam_kernels.methods.smooth_gradcam_pp import smooth_gradcam_pp_weights
from cam_kernels.methods.weighted_sum import heatmap
from cam_kernels.targets import ClassScore, Target

MapOf = Callable[[LayerEvidence, Target], Tensor]
"""The raw map (N, H, W) of a target's scores, on the layer's grid or at the image's size."""


@dataclass(frozen=True)
class Method:
    """map : computes it
    forwards : what it costs beyond the one forward, whatever the number of targets, in words;
        "" for a backward of the head per target
    """

    map: MapOf
    forwards: str = ""


def _weighted(weights: Callable[[Tensor, Tensor], Tensor]) -> MapOf:
    return lambda evidence, target: heatmap(
        evidence.activations, weights(evidence.activations, evidence.gradients(target))
    )


def _direct(compute: Callable[[Tensor, Tensor], Tensor]) -> MapOf:
    return lambda evidence, target: compute(evidence.activations, evidence.gradients(target))


def _masking(
    name: str, weights: Callable[[Tensor, Tensor, Callable[..., Tensor]], Tensor]
) -> MapOf:
    return lambda evidence, target: heatmap(
        evidence.activations,
        weights(evidence.images, evidence.activations, evidence.image_score(target, name)),
    )


def _cam(evidence: LayerEvidence, target: Target) -> Tensor:
    if evidence.layer.head is None:
        raise ValueError(
            "method 'cam' needs global pooling and one linear layer after the target layer, "
            "which this model has not; use 'gradcam++' or 'gradcam'"
        )
    return _weighted(cam_weights)(evidence, target)


def _eigencam(evidence: LayerEvidence, _target: Target) -> Tensor:
    return eigencam_map(evidence.activations)


def _smooth(evidence: LayerEvidence, target: Target) -> Tensor:
    weights = smooth_gradcam_pp_weights(
        evidence.images, evidence.activations, evidence.gradients_of(target, "smooth-gradcam++")
    )
    return heatmap(evidence.activations, weights)


def _ablation(evidence: LayerEvidence, target: Target) -> Tensor:
    scores = evidence.scores(target).detach()
    if evidence.is_closed_form(target):
        class_weights = cam_weights(evidence.activations, evidence.gradients(target))
        weights = ablationcam_closed_form_weights(evidence.activations, class_weights, scores)
    else:
        score = evidence.activation_score(target, "ablationcam")
        weights = ablationcam_weights(evidence.activations, score, scores)
    return heatmap(evidence.activations, weights)


def _shapley(evidence: LayerEvidence, target: Target) -> Tensor:
    if isinstance(target, ClassScore) and target.scale == "logit":
        target = partial(rest_scores, class_idx=target.class_idx)
    weights = shapleycam_weights(
        evidence.activations, evidence.gradients(target), evidence.curvature(target)
    )
    return heatmap(evidence.activations, weights)


def _finer(evidence: LayerEvidence, target: Target) -> Tensor:
    if not isinstance(target, ClassScore):
        raise ValueError("method 'finercam' compares classes; expected a class as the target")
    finer = partial(finer_scores, class_idx=target.class_idx)
    return _weighted(gradcam_weights)(evidence, finer)


def _fullgrad(evidence: LayerEvidence, target: Target) -> Tensor:
    return fullgrad_map(evidence.layer.untouched, evidence.images, target)


METHODS: dict[str, Method] = {
    "gradcam++": Method(_weighted(gradcam_pp_weights)),
    "gradcam++-official": Method(_weighted(gradcam_pp_official_weights)),
    "gradcam++-epsilon": Method(_weighted(gradcam_pp_epsilon_weights)),
    "gradcam": Method(_weighted(gradcam_weights)),
    "cam": Method(_cam),
    "hirescam": Method(_direct(hirescam_map)),
    "xgradcam": Method(_weighted(xgradcam_weights)),
    "layercam": Method(_direct(layercam_map)),
    "elementwise-gradcam": Method(_direct(elementwise_gradcam_map)),
    "eigencam": Method(_eigencam),
    "eigen-gradcam": Method(_direct(eigen_gradcam_map)),
    "shapleycam": Method(_shapley, "two backwards of the head"),
    "finercam": Method(_finer),
    "fullgrad": Method(_fullgrad, "a forward and a backward of the network"),
    "smooth-gradcam++": Method(_smooth, "25 forwards"),
    "scorecam": Method(_masking("scorecam", scorecam_weights), "a forward per live unit"),
    "sscam": Method(_masking("sscam", sscam_weights), "35 forwards per live unit"),
    "iscam": Method(_masking("iscam", iscam_weights), "9 forwards per live unit"),
    "ablationcam": Method(_ablation, "the head once per live unit; nothing behind GAP + linear"),
}
