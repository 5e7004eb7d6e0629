"""Deletion and insertion against plain loops and on models whose evidence is known."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from cam_kernels.faithfulness.fills import FILLS, mean_colour
from cam_kernels.faithfulness.perturbation_curves import area_under, deletion, insertion
from tests.cam_kernels.faithfulness import slow
from tests.cam_kernels.faithfulness.conftest import Classifier


@pytest.mark.parametrize("fill", ["blur", "mean"])
@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_equals_plain_loops(
    classifier: Classifier, maps: Tensor, fill: str, batch_size: int
) -> None:
    images, steps = classifier.images, 6
    arguments = {"steps": steps, "batch_size": batch_size, "fill": FILLS[fill]}
    deleted = deletion(images, maps, classifier.score, **arguments)
    inserted = insertion(images, maps, classifier.score, **arguments)
    assert max(classifier.rows) <= batch_size
    assert sum(classifier.rows) == 2 * len(images) * (steps + 1)
    oracle = {"blur": slow.blurred, "mean": slow.mean_colour}[fill]
    for n, (image, heatmap) in enumerate(zip(images.numpy(), maps.double().numpy(), strict=True)):

        def score(changed: slow.Floats, n: int = n) -> float:
            return classifier.score_one(n, changed)

        filled = oracle(image)
        for result, start, end in ((deleted, image, filled), (inserted, filled, image)):
            curve, area = slow.curve(start, end, heatmap, steps, score)
            np.testing.assert_allclose(result.curve[n].numpy(), curve, rtol=1e-9)
            assert result.area[n].item() == pytest.approx(area, rel=1e-9)


def linear_evidence() -> tuple[Tensor, Tensor]:
    """One image of six pixels and the evidence of each for a linear score, 0 at the mean."""
    values = torch.tensor([0.9, -0.4, 0.1, -0.8, 0.5, -0.3], dtype=torch.float64)
    weights = torch.tensor([0.3, 0.7, -0.5, 0.2, 0.6, 0.1], dtype=torch.float64)
    return values.view(1, 1, 2, 3), (weights * (values - values.mean())).view(1, 2, 3)


def test_no_order_beats_the_true_evidence_of_a_linear_model() -> None:
    image, evidence = linear_evidence()
    weight = evidence / (image - image.mean())[:, 0]

    def score(images: Tensor, of: Tensor) -> Tensor:
        return 0.5 + 0.1 * (images[:, 0] * weight).sum(dim=(1, 2))

    arguments = {"steps": 6, "batch_size": 64, "fill": mean_colour}
    lowest = deletion(image, evidence, score, **arguments).area.item()
    highest = insertion(image, evidence, score, **arguments).area.item()
    orders = torch.tensor(list(itertools.permutations(range(6)))).view(-1, 2, 3)
    images = image.expand(len(orders), -1, -1, -1)
    every_deletion = deletion(images, orders, score, **arguments).area
    every_insertion = insertion(images, orders, score, **arguments).area
    assert lowest == pytest.approx(every_deletion.min().item(), abs=1e-12)
    assert highest == pytest.approx(every_insertion.max().item(), abs=1e-12)
    assert every_deletion.max() > lowest + 0.01


def test_curve_and_area_by_hand() -> None:
    """The score is the share of the object that is still there, over an even background."""
    image = torch.zeros((1, 1, 4, 4), dtype=torch.float64)
    image[0, 0, :2, :2] = 1.0

    def score(images: Tensor, of: Tensor) -> Tensor:
        return images[:, 0, :2, :2].mean(dim=(1, 2))

    def black(images: Tensor) -> Tensor:
        return torch.zeros_like(images)

    perfect = image[:, 0]
    arguments = {"steps": 4, "batch_size": 2, "fill": black}
    assert deletion(image, perfect, score, **arguments).curve.tolist() == [[1, 0, 0, 0, 0]]
    assert deletion(image, perfect, score, **arguments).area.item() == 0.125
    assert insertion(image, perfect, score, **arguments).curve.tolist() == [[0, 1, 1, 1, 1]]
    assert insertion(image, perfect, score, **arguments).area.item() == 0.875
    worst = deletion(image, 1 - perfect, score, **arguments)
    assert worst.curve.tolist() == [[1, 1, 1, 1, 0]] and worst.area.item() == 0.875
    constant = deletion(image, torch.ones((1, 2, 2)), score, **arguments)
    assert constant.curve.tolist() == [[1, 0.5, 0, 0, 0]]  # rows from the top


def test_a_perfect_map_beats_random_maps(classifier: Classifier) -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.full((1, 1, 12, 12), 0.1, dtype=torch.float64)
    image[0, 0, 3:7, 4:9] = 2.0

    def score(images: Tensor, of: Tensor) -> Tensor:
        return (images[:, 0, 3:7, 4:9].mean(dim=(1, 2)) - 1).mul(4).sigmoid()

    random = torch.rand((50, 12, 12), generator=generator)
    images = image.expand(50, -1, -1, -1)
    for measure, sign in ((deletion, -1), (insertion, 1)):
        arguments = {"steps": 12, "batch_size": 32, "fill": mean_colour}
        perfect = measure(image, image[:, 0], score, **arguments).area.item()
        others = measure(images, random, score, **arguments).area
        assert (sign * others < sign * perfect - 0.1).all()


def test_a_constant_map_is_reading_order(classifier: Classifier) -> None:
    reading = -torch.arange(13 * 11, dtype=torch.float32).view(1, 13, 11)
    for value in (0.0, 0.3):
        for measure in (deletion, insertion):
            constant, fixed = (
                measure(classifier.images[:1], heatmap, classifier.score, steps=5, batch_size=8)
                for heatmap in (torch.full((1, 4, 3), value), reading)
            )
            assert constant.curve.tolist() == fixed.curve.tolist()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_map_that_is_not_finite_is_nan_and_costs_nothing(
    classifier: Classifier, maps: Tensor, bad: float
) -> None:
    broken = maps.clone()
    broken[1, 2, 2] = bad
    whole = deletion(classifier.images, maps, classifier.score, steps=5, batch_size=4)
    classifier.rows.clear()
    part = deletion(classifier.images, broken, classifier.score, steps=5, batch_size=4)
    assert sum(classifier.rows) == 4 * 6
    assert part.area.isnan().tolist() == [False, True, False, False, False]
    assert part.curve[1].isnan().all()
    kept = [0, 2, 3, 4]
    np.testing.assert_allclose(part.curve[kept].numpy(), whole.curve[kept].numpy(), rtol=1e-12)


def test_no_images() -> None:
    def score(images: Tensor, of: Tensor) -> Tensor:
        raise AssertionError("nothing to score")

    none = deletion(torch.zeros((0, 3, 8, 8)), torch.zeros((0, 2, 2)), score, steps=3, batch_size=4)
    assert none.curve.shape == (0, 4) and none.area.shape == (0,)


def test_area_equals_numpy() -> None:
    curve = torch.rand((4, 9), dtype=torch.float64)
    expected = np.trapezoid(curve.numpy(), dx=1 / 8, axis=1)
    np.testing.assert_allclose(area_under(curve).numpy(), expected, rtol=1e-12)


def test_what_does_not_fit_is_an_error(classifier: Classifier, maps: Tensor) -> None:
    images, score = classifier.images, classifier.score
    with pytest.raises(ValueError, match=r"one map each.*\(5, 3, 13, 11\) and \(4, 4, 3\)"):
        deletion(images, maps[:4], score, steps=3, batch_size=4)
    with pytest.raises(ValueError, match="one map each"):
        insertion(images, maps[0], score, steps=3, batch_size=4)
    with pytest.raises(ValueError, match="must have pixels"):
        deletion(images, torch.zeros((5, 0, 3)), score, steps=3, batch_size=4)
    for steps in (0, 13 * 11 + 1):
        with pytest.raises(ValueError, match=f"steps must be 1 .. 143 .* got {steps}"):
            deletion(images, maps, score, steps=steps, batch_size=4)
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        deletion(images, maps, score, steps=3, batch_size=0)
    with pytest.raises(ValueError, match=r"expected shape \(4,\), got \(4, 4\)"):
        deletion(images, maps, lambda rows, of: classifier.model(rows), steps=3, batch_size=4)
