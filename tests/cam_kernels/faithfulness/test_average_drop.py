"""Average drop, increase and gain against plain loops and pytorch-grad-cam."""

import math

import numpy as np
import pytest
import torch
from pytorch_grad_cam.metrics.cam_mult_image import DropInConfidence, IncreaseInConfidence
from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget
from torch import Tensor

from cam_kernels.faithfulness.average_drop import ExplanationScores, explanation_scores, unit_range
from cam_kernels.faithfulness.pixel_order import enlarge
from tests.cam_kernels.faithfulness import slow
from tests.cam_kernels.faithfulness.conftest import Classifier


def measured(classifier: Classifier, maps: Tensor, batch_size: int = 3) -> ExplanationScores:
    everything = torch.arange(len(maps))
    whole = classifier.score(classifier.images, everything).detach()
    classifier.rows.clear()
    return explanation_scores(
        classifier.images, maps, whole, classifier.score, batch_size=batch_size
    )


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_equals_plain_loops(classifier: Classifier, maps: Tensor, batch_size: int) -> None:
    got = measured(classifier, maps, batch_size)
    assert sum(classifier.rows) == 5 and max(classifier.rows) <= batch_size
    for n, image in enumerate(classifier.images.numpy()):
        drop, increase, gain = slow.explanation_scores(
            image, maps[n].double().numpy(), lambda changed, n=n: classifier.score_one(n, changed)
        )
        assert got.drop[n].item() == pytest.approx(drop, abs=1e-6)
        assert got.increase[n].item() == increase
        assert got.gain[n].item() == pytest.approx(gain, abs=1e-6)
    assert 0 < got.increase.sum() < 5  # both kinds are among the images


def test_equals_pytorch_grad_cam(classifier: Classifier, maps: Tensor) -> None:
    """There the drop is absolute, and a map comes at the image's size, scaled."""
    got = measured(classifier, maps)
    whole = classifier.score(classifier.images, torch.arange(5)).detach().numpy()
    scaled = unit_range(enlarge(maps, 13, 11)).double().numpy()
    targets = [ClassifierOutputSoftmaxTarget(c) for c in classifier.class_idx.tolist()]
    images, model = classifier.images, classifier.model
    drop = DropInConfidence()(images, scaled, targets, model)
    np.testing.assert_allclose(got.drop.numpy() * whole, drop, atol=1e-6)
    increase = IncreaseInConfidence()(images, scaled, targets, model)
    assert got.increase.tolist() == increase.tolist()


@pytest.mark.parametrize("value", [0.0, 0.4])
def test_a_constant_map_keeps_nothing(classifier: Classifier, value: float) -> None:
    got = measured(classifier, torch.full((5, 4, 3), value))
    for n, image in enumerate(classifier.images.numpy()):
        whole, nothing = classifier.score_one(n, image), classifier.score_one(n, 0 * image)
        assert got.drop[n].item() == pytest.approx(max(0, whole - nothing) / whole)


def test_certain_and_impossible_classes() -> None:
    images, maps = torch.ones((4, 1, 2, 2)), torch.tensor([[[0.0, 1.0]]]).expand(4, 1, 2)
    whole = torch.tensor([0.0, 1.0, 0.0, 1.0])
    explained = torch.tensor([0.5, 1.0, 0.0, 0.25])
    got = explanation_scores(images, maps, whole, lambda rows, of: explained[of], batch_size=4)
    assert got.drop.tolist() == [0, 0, 0, 0.75]
    assert got.increase.tolist() == [1, 0, 0, 0]
    assert got.gain.tolist() == [0.5, 0, 0, 0]


def test_what_is_not_finite_is_nan(classifier: Classifier, maps: Tensor) -> None:
    maps[3, 0, 0] = math.nan
    whole = torch.full((5,), 0.5)
    whole[1] = math.nan
    got = explanation_scores(classifier.images, maps, whole, classifier.score, batch_size=2)
    for values in (got.drop, got.increase, got.gain):
        assert values.isnan().tolist() == [False, True, False, True, False]


def test_what_does_not_fit_is_an_error(classifier: Classifier, maps: Tensor) -> None:
    with pytest.raises(ValueError, match="one map each"):
        explanation_scores(
            classifier.images, maps[:2], torch.zeros(5), classifier.score, batch_size=2
        )
    with pytest.raises(ValueError, match=r"one probability per image, shape \(5,\), got \(4,\)"):
        explanation_scores(classifier.images, maps, torch.zeros(4), classifier.score, batch_size=2)
