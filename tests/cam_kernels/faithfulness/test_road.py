"""ROAD against plain loops, against pytorch-grad-cam, and where the truth is known."""

import math

import numpy as np
import pytest
import torch
from pytorch_grad_cam.metrics import road as library
from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget
from torch import Tensor

from cam_kernels.faithfulness.pixel_order import enlarge
from cam_kernels.faithfulness.road import road
from tests.cam_kernels.faithfulness import slow
from tests.cam_kernels.faithfulness.conftest import Classifier
from tests.cam_kernels.faithfulness.test_linear_imputation import exact


@pytest.mark.parametrize("batch_size", [1, 5, 100])
def test_equals_plain_loops(classifier: Classifier, maps: Tensor, batch_size: int) -> None:
    percentages = (20, 50, 90)
    got = road(
        classifier.images, maps, classifier.score, percentages=percentages, noise=0,
        batch_size=batch_size,
    )  # fmt: skip
    assert sum(classifier.rows) == 5 * 6 and max(classifier.rows) <= batch_size
    for n, image in enumerate(classifier.images):
        places, halves = slow.order(maps[n].double().numpy(), 13, 11), []
        for p, percentage in enumerate(percentages):
            count, scores = percentage * len(places) // 100, []
            for gone in (places[:count], places[len(places) - count :]):
                removed = torch.zeros((13, 11), dtype=torch.bool)
                for place in gone:
                    removed[place] = True
                scores.append(classifier.score_one(n, exact(image, removed)))
            assert got.morf[n, p].item() == pytest.approx(scores[0], abs=2e-3)
            assert got.lerf[n, p].item() == pytest.approx(scores[1], abs=2e-3)
            halves.append((scores[1] - scores[0]) / 2)
        assert got.combined[n].item() == pytest.approx(sum(halves) / 3, abs=2e-3)


def test_close_to_pytorch_grad_cam(classifier: Classifier) -> None:
    """That library removes one pixel more or less, by a quantile of the map, and adds noise."""
    heatmap = torch.rand((5, 13, 11), generator=torch.Generator().manual_seed(9))  # no ties
    got = road(classifier.images, heatmap, classifier.score, batch_size=16)
    targets = [ClassifierOutputSoftmaxTarget(c) for c in classifier.class_idx.tolist()]
    torch.manual_seed(0)
    expected = library.ROADCombined()(
        classifier.images.float(), enlarge(heatmap, 13, 11).numpy(), targets,
        classifier.model.float(),
    )  # fmt: skip
    np.testing.assert_allclose(got.combined.numpy(), expected, atol=0.01)
    assert np.abs(expected).max() > 0.02


def planted() -> tuple[Tensor, Tensor]:
    """A bright object on a noisy ground, and the class's probability from the object alone."""
    generator = torch.Generator().manual_seed(0)
    image = 0.1 * torch.randn((1, 1, 16, 16), generator=generator)
    image[0, 0, 4:9, 5:11] += 2.0
    return image, image[:, 0]


def test_a_perfect_map_beats_random_maps_and_its_own_negative() -> None:
    image, perfect = planted()

    def score(images: Tensor, of: Tensor) -> Tensor:
        return (images[:, 0, 4:9, 5:11].mean(dim=(1, 2)) - 1).mul(4).sigmoid()

    random = torch.rand((30, 16, 16), generator=torch.Generator().manual_seed(1))
    best = road(image, perfect, score, batch_size=18).combined.item()
    worst = road(image, -perfect, score, batch_size=18).combined.item()
    others = road(image.expand(30, -1, -1, -1), random, score, batch_size=64).combined
    assert best > others.max().item() + 0.1
    assert worst < others.min().item() - 0.1
    assert others.mean().abs().item() < 0.05


def test_noise_comes_from_the_seed_and_only_where_pixels_went(
    classifier: Classifier, maps: Tensor
) -> None:
    seen: list[Tensor] = []

    def score(images: Tensor, of: Tensor) -> Tensor:
        seen.append(images)
        return images.mean(dim=(1, 2, 3))

    images = classifier.images[:1]
    for noise, seed in ((0.0, 0), (0.5, 0), (0.5, 0), (0.5, 1)):
        road(images, maps[:1], score, percentages=(40,), noise=noise, seed=seed, batch_size=2)
    plain, first, again, other = seen
    assert torch.equal(first, again) and not torch.equal(first, other)
    count = 40 * 13 * 11 // 100
    for row in range(2):
        changed = (first[row] != plain[row]).all(dim=0)
        assert changed.sum() == count
        assert torch.equal(first[row][:, ~changed], images[0][:, ~changed])
        assert (first[row] - plain[row])[:, changed].std().item() == pytest.approx(0.5, rel=0.2)


def test_an_empty_map_is_reading_order_and_nan_maps_are_nan(
    classifier: Classifier, maps: Tensor
) -> None:
    maps[0], maps[2, 1, 1] = 0, math.nan
    got = road(classifier.images, maps, classifier.score, percentages=(30,), batch_size=4)
    reading = -torch.arange(13 * 11, dtype=torch.float32).view(1, 13, 11)
    fixed = road(classifier.images[:1], reading, classifier.score, percentages=(30,), batch_size=4)
    assert got.combined[0].item() == pytest.approx(fixed.combined.item(), abs=1e-9)
    assert got.combined.isnan().tolist() == [False, False, True, False, False]
    assert got.morf[2].isnan().all() and got.lerf[2].isnan().all()


def test_what_does_not_fit_is_an_error(classifier: Classifier, maps: Tensor) -> None:
    images, score = classifier.images, classifier.score
    for percentages in ((), (0, 50), (50, 100), (-5,)):
        with pytest.raises(ValueError, match="at least one and not all of 143 pixels"):
            road(images, maps, score, percentages=percentages, batch_size=4)
    with pytest.raises(ValueError, match="one map each"):
        road(images, maps[:2], score, batch_size=4)
