"""Methods that work from activations and gradients, as rows of the table."""

from collections.abc import Callable

import pytorch_grad_cam as pgc
import torchcam.methods as tcm
from pytorch_grad_cam.utils.model_targets import ClassifierOutputReST
from torch import Tensor

from tests import reference
from tests.cam_kernels.restatements import eigen as slow_eigen
from tests.cam_kernels.restatements import elementwise as slow
from tests.cam_kernels.restatements import fullgrad as slow_fullgrad
from tests.cam_kernels.restatements import scores as slow_scores
from tests.cam_kernels.restatements import shapley as slow_shapley
from tests.conformance import peers
from tests.conformance.cases import ARCHITECTURES, USUAL, Case
from tests.conformance.method import Method
from tests.reference import Floats

PGC, TORCHCAM, CAPTUM = "pytorch-grad-cam", "torchcam", "captum"
EVERYWHERE = tuple(ARCHITECTURES)

ExactWeights = Callable[[Floats, Floats], Floats]


def _by_exact_weights(weights: ExactWeights) -> Callable[[Case], Floats]:
    return lambda case: reference.class_map(
        case.exact_activations, weights(case.exact_activations, case.exact_gradients)
    )


def _finer_restated(case: Case) -> Floats:
    gradients = case.exact_score_gradients(lambda z, c: slow_scores.finer_score(z, c, 3, 0.6))
    return reference.class_map(case.exact_activations, reference.gradcam_weights(gradients))


def _shapley_restated(case: Case) -> Floats:
    def gradients_at(activations: Floats) -> Floats:
        return case.exact_score_gradients(slow_scores.rest_score, activations)

    curvature = slow_shapley.curvature(gradients_at, case.exact_activations)
    weights = slow_shapley.shapleycam_weights(gradients_at(case.exact_activations), curvature)
    return reference.class_map(case.exact_activations, weights)


def _fullgrad_restated(case: Case) -> Floats:
    return slow_fullgrad.fullgrad_maps(case.model, case.images, case.class_idx)


def _eigen_mended(library: type) -> peers.RawMaps:
    """The library's map with a sign: that which agrees with our convention's."""
    raw = peers.pytorch_grad_cam(library)

    def maps(model: object, layer: str, images: Tensor, class_idx: list[int]) -> Floats:
        activations, gradients = reference.activations_and_gradients(
            model, layer, images, class_idx
        )
        values = activations if library is pgc.EigenCAM else activations * gradients
        return peers.agreeing_in_sign(raw(model, layer, images, class_idx), values.sum(axis=1))

    return maps


GRADIENT_METHODS = (
    Method(
        "gradcam",
        _by_exact_weights(lambda _a, g: reference.gradcam_weights(g)),
        {
            PGC: peers.pytorch_grad_cam(pgc.GradCAM),
            TORCHCAM: peers.torchcam(tcm.GradCAM),
            CAPTUM: peers.captum_gradcam,
        },
        EVERYWHERE,
    ),
    Method(
        "cam",
        _by_exact_weights(lambda _a, g: g.sum(axis=(2, 3))),
        {TORCHCAM: peers.torchcam(tcm.CAM, fc_layer="8")},
        ("GAP head",),
    ),
    Method(
        "gradcam++",
        _by_exact_weights(reference.gradcam_pp_weights),
        {
            PGC: peers.pytorch_grad_cam(pgc.GradCAMPlusPlus),
            TORCHCAM: peers.torchcam(tcm.GradCAMpp),
        },
    ),
    Method(
        "gradcam++-official",
        _by_exact_weights(lambda a, g: reference.gradcam_pp_official_weights(a, g, [0.0] * len(a))),
    ),
    Method(
        "gradcam++-epsilon",
        _by_exact_weights(slow.gradcam_pp_epsilon_weights),
        {PGC: peers.pytorch_grad_cam(pgc.GradCAMPlusPlus)},
    ),
    Method(
        "xgradcam",
        _by_exact_weights(slow.xgradcam_weights),
        {
            PGC: peers.pytorch_grad_cam(pgc.XGradCAM),
            TORCHCAM: peers.torchcam(tcm.XGradCAM),
        },
    ),
    Method(
        "hirescam",
        lambda case: slow.hirescam_map(case.exact_activations, case.exact_gradients),
        {
            PGC: peers.pytorch_grad_cam(pgc.HiResCAM),
            CAPTUM: peers.captum_gradient_x_activation,
        },
        EVERYWHERE,
        signed=True,
    ),
    Method(
        "layercam",
        lambda case: slow.layercam_map(case.exact_activations, case.exact_gradients),
        {
            PGC: peers.pytorch_grad_cam(pgc.LayerCAM),
            TORCHCAM: peers.torchcam(tcm.LayerCAM),
        },
    ),
    Method(
        "elementwise-gradcam",
        lambda case: slow.elementwise_gradcam_map(case.exact_activations, case.exact_gradients),
        {PGC: peers.pytorch_grad_cam(pgc.GradCAMElementWise)},
    ),
    Method(
        "eigencam",
        lambda case: slow_eigen.eigencam_map(case.exact_activations),
        {
            PGC: peers.pytorch_grad_cam(pgc.EigenCAM),
            f"{PGC}, sign set": _eigen_mended(pgc.EigenCAM),
        },
        signed=True,
    ),
    Method(
        "eigen-gradcam",
        lambda case: slow_eigen.eigencam_map(case.exact_activations * case.exact_gradients),
        {
            PGC: peers.pytorch_grad_cam(pgc.EigenGradCAM),
            f"{PGC}, sign set": _eigen_mended(pgc.EigenGradCAM),
        },
        signed=True,
    ),
    Method(
        "shapleycam",
        _shapley_restated,
        {PGC: peers.pytorch_grad_cam(pgc.ShapleyCAM, ClassifierOutputReST)},
    ),
    Method(
        "finercam",
        _finer_restated,
        {
            PGC: peers.pytorch_grad_cam_finer(pgc.GradCAM),
            f"{PGC}, alpha 0.6": peers.pytorch_grad_cam_finer(pgc.GradCAM, alpha=0.6),
            TORCHCAM: peers.torchcam(tcm.FinerCAM),
        },
    ),
    Method(
        "fullgrad",
        _fullgrad_restated,
        {PGC: peers.pytorch_grad_cam(pgc.FullGrad, stage="compute_cam_per_layer")},
        USUAL[:3],
    ),
)
