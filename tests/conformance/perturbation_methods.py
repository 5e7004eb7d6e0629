"""How far the methods with extra forwards are from their papers, restated, and from libraries.

All differences are of channel
weights: the largest in an image, relative to the image's largest weight. Noise is the same for
all, and one image is asked for its predicted class.
"""

from collections.abc import Callable, Iterator

from torch import Tensor

from cam_kernels.methods.ablation_cam import (
    ablationcam_closed_form_weights,
    ablationcam_weights,
)
from cam_kernels.methods.score_cam import iscam_weights, scorecam_weights, sscam_weights
from cam_kernels.methods.smooth_gradcam_pp import smooth_gradcam_pp_weights
from tests.cam_kernels import perturbation_peers as peers
from tests.cam_kernels import restated
from tests.cam_kernels.perturbation_peers import GRAD_CAM, TORCHCAM
from tests.cam_kernels.perturbed_models import CASES, SMALL, PerturbedModel, perturbed_model
from tests.cam_kernels.restatements.perturbation import Floats

Row = tuple[str, str, float, dict[str, float]]
Departure = tuple[str, str, float]
Weights = Callable[[PerturbedModel], Floats | Tensor]

_NOISY = {"samples": 2, "std": 2.0, "seed": 3}
_SMOOTHED = {"samples": 4, "spread": 0.2, "seed": 3}
_STEPS = {"samples": 4}


def _closed_form(case: PerturbedModel) -> Tensor:
    class_weights = case.model[-1].weight[case.class_idx]
    return ablationcam_closed_form_weights(case.activations, class_weights, case.base_scores)


# method: ours, the restatement, peers
_METHODS: dict[str, tuple[Weights, Weights, dict[str, Weights]]] = {
    "scorecam": (
        lambda case: scorecam_weights(case.images, case.activations, case.image_score),
        restated.scorecam,
        {GRAD_CAM: peers.grad_cam_scorecam, TORCHCAM: peers.torchcam_scorecam},
    ),
    "sscam": (
        lambda case: sscam_weights(case.images, case.activations, case.image_score, **_NOISY),
        lambda case: restated.sscam(case, **_NOISY),
        {TORCHCAM: lambda case: peers.torchcam_sscam(case, **_NOISY)},
    ),
    "iscam": (
        lambda case: iscam_weights(case.images, case.activations, case.image_score, **_STEPS),
        lambda case: restated.iscam(case, **_STEPS),
        {TORCHCAM: lambda case: peers.torchcam_iscam(case, **_STEPS)},
    ),
    "ablationcam": (
        lambda case: ablationcam_weights(case.activations, case.activation_score, case.base_scores),
        restated.ablationcam,
        {GRAD_CAM: peers.grad_cam_ablationcam},
    ),
    "ablationcam, closed form": (
        _closed_form,
        restated.ablationcam,
        {GRAD_CAM: peers.grad_cam_ablationcam},
    ),
    "smooth gradcam++": (
        lambda case: smooth_gradcam_pp_weights(
            case.images, case.activations, case.gradients_of, **_SMOOTHED
        ),
        lambda case: restated.smooth_gradcam_pp(case, **_SMOOTHED),
        {TORCHCAM: lambda case: peers.torchcam_smooth_gradcam_pp(case, **_SMOOTHED)},
    ),
}
# Many forwards in float64, one after another: not for the large networks.
_SMALL_ONLY = {"sscam", "iscam"}
_GAP_LINEAR_ONLY = {"ablationcam, closed form": ["plain_cnn"]}


def rows() -> Iterator[Row]:
    """Method, architecture, difference to the restatement, {peer: its difference to ours}."""
    for method, (ours, restatement, libraries) in _METHODS.items():
        names = SMALL if method in _SMALL_ONLY else CASES
        for name in _GAP_LINEAR_ONLY.get(method, names):
            case = perturbed_model(name, count=1)
            weights = ours(case)
            from_peers = {
                peer: restated.difference(theirs(case), weights.double().numpy())
                for peer, theirs in libraries.items()
            }
            yield method, name, restated.difference(weights, restatement(case)), from_peers


# peer, what it does otherwise than the paper, the restatement doing so, the restatement
_DEPARTURES: list[tuple[str, str, Weights, Weights]] = [
    (
        GRAD_CAM,
        "Score-CAM: enlarges with aligned corners",
        lambda case: restated.scorecam(case, align_corners=True),
        restated.scorecam,
    ),
    (
        f"{GRAD_CAM}, {TORCHCAM}",
        "Score-CAM: dead channels get a black mask and a share of the softmax",
        lambda case: restated.scorecam(case, keep_dead=True),
        restated.scorecam,
    ),
    (
        TORCHCAM,
        "Score-CAM: scales to [0, 1] before it enlarges, so masks do not reach 1",
        lambda case: restated.scorecam(case, enlarge_last=True),
        restated.scorecam,
    ),
    (
        TORCHCAM,
        "SS-CAM: scales to [0, 1] before it enlarges",
        lambda case: restated.sscam(case, **_NOISY, enlarge_last=True),
        lambda case: restated.sscam(case, **_NOISY),
    ),
    (
        TORCHCAM,
        "IS-CAM: the running sum starts at 1/n where the paper's starts at 0",
        lambda case: restated.iscam(case, **_STEPS, first=1),
        lambda case: restated.iscam(case, **_STEPS),
    ),
    (
        GRAD_CAM,
        "Ablation-CAM: 1e7 below the lowest activation, and lower with each row of a batch, "
        "for 0 where the lowest is not 0",
        restated.ablationcam_far_below,
        restated.ablationcam,
    ),
    (
        TORCHCAM,
        "Smooth Grad-CAM++: sums g^3 A over cells for g^3 times the sum of A",
        lambda case: restated.smooth_gradcam_pp(case, **_SMOOTHED, product_in_sum=True),
        lambda case: restated.smooth_gradcam_pp(case, **_SMOOTHED),
    ),
    (
        TORCHCAM,
        "Smooth Grad-CAM++: the last copy's gradient for the mean gradient",
        lambda case: restated.smooth_gradcam_pp(case, **_SMOOTHED, last_gradient=True),
        lambda case: restated.smooth_gradcam_pp(case, **_SMOOTHED),
    ),
    (
        "the paper as printed",
        "Smooth Grad-CAM++: D_1 for D_2 as alpha's numerator (ours and torchcam's is D_2)",
        lambda case: restated.smooth_gradcam_pp(case, **_SMOOTHED, numerator=1),
        lambda case: restated.smooth_gradcam_pp(case, **_SMOOTHED),
    ),
]
# Where the lowest activation is 0 pytorch-grad-cam ablates as the paper does.
_SIGNED_ACTIVATIONS = {"depthwise"}


def departures() -> Iterator[Departure]:
    """Peer, what it does otherwise, and the largest difference that this alone makes over the
    small architectures."""
    for peer, what, otherwise, restatement in _DEPARTURES:
        names = _SIGNED_ACTIVATIONS if what.startswith("Ablation-CAM") else SMALL
        cases = [perturbed_model(name, count=1) for name in names]
        sizes = [restated.difference(otherwise(case), restatement(case)) for case in cases]
        yield peer, what, max(sizes)
    case = perturbed_model("plain_cnn_before_relu", count=1)
    same_masks = restated.scorecam(case, enlarge_last=True, keep_dead=True)
    size = restated.difference(peers.torchcam_scorecam(case), same_masks)
    yield TORCHCAM, "Score-CAM: the output of an in-place successor for the target layer's", size
