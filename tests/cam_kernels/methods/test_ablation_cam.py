"""Ablation-CAM against a restatement, its closed form and pytorch-grad-cam, and on bad input."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from cam_kernels.methods.ablation_cam import (
    ablated_channels,
    ablationcam_closed_form_weights,
    ablationcam_weights,
)
from cam_kernels.methods.weighted_sum import heatmap
from tests.cam_kernels import perturbation_peers as peers
from tests.cam_kernels import restated
from tests.cam_kernels.perturbed_models import LARGE, SMALL, perturbed_model


def example() -> tuple[Tensor, Tensor]:
    """Activations with dead channels, and the scores of `linear_score`."""
    generator = torch.Generator().manual_seed(4)
    activations = torch.randn((3, 4, 2, 3), generator=generator)
    activations[:, 1], activations[2, 3] = 0, 0
    return activations, linear_score(activations, torch.arange(3))


def linear_score(activations: Tensor, of: Tensor) -> Tensor:
    """Rows computed alone, so that they cannot depend on their neighbours."""
    factors = torch.tensor([1.0, -2.0, 3.0, 0.5])
    means = [(row.mean(dim=(1, 2)) * factors).sum() + 1 for row in activations]
    return torch.stack(means) * (of + 1)


@pytest.mark.parametrize("name", SMALL)
def test_weights_are_those_of_the_restatement(name: str) -> None:
    case = perturbed_model(name, count=3)
    actual = ablationcam_weights(
        case.activations, case.activation_score, case.base_scores, batch_size=5
    )
    assert restated.difference(actual, restated.ablationcam(case)) < 2e-5


@pytest.mark.parametrize("name", LARGE)
def test_weights_of_torchvision_s_networks(name: str) -> None:
    case = perturbed_model(name, count=1)
    actual = ablationcam_weights(case.activations, case.activation_score, case.base_scores)
    assert restated.difference(actual, restated.ablationcam(case)) < 5e-4


@pytest.mark.parametrize("name, layer", [("plain_cnn", "5"), ("residual", "4"), ("depthwise", "6")])
def test_the_closed_form_is_the_brute_force(name: str, layer: str) -> None:
    case = replace(perturbed_model(name, count=4), layer=layer)
    class_weights = case.model[-1].weight[case.class_idx]
    closed = ablationcam_closed_form_weights(case.activations, class_weights, case.base_scores)
    brute = ablationcam_weights(case.activations, case.activation_score, case.base_scores)
    assert restated.difference(closed, restated.ablationcam(case)) < 5e-5
    torch.testing.assert_close(closed, brute, rtol=1e-4, atol=1e-5)


def test_by_hand_and_for_scores_that_are_not_positive() -> None:
    activations = torch.tensor([[[[1.0]], [[2.0]]]]).expand(3, 2, 1, 1)
    offsets = torch.tensor([1.0, -7.0, -3.0])

    def score(changed: Tensor, of: Tensor) -> Tensor:
        return changed.sum(dim=(1, 2, 3)) + offsets[of]

    base = score(activations, torch.arange(3))
    assert base.tolist() == [4.0, -4.0, 0.0]
    expected = [[0.25, 0.5], [0.25, 0.5], [1.0, 2.0]]
    assert ablationcam_weights(activations, score, base).tolist() == expected
    ones = torch.ones(3, 2)
    assert ablationcam_closed_form_weights(activations, ones, base).tolist() == expected


def test_dead_channels_cost_nothing_and_weigh_nothing() -> None:
    activations, base = example()
    rows: list[int] = []

    def counting(changed: Tensor, of: Tensor) -> Tensor:
        rows.append(len(of))
        return linear_score(changed, of)

    weights = ablationcam_weights(activations, counting, base, batch_size=3)
    chosen = ablated_channels(activations)
    assert chosen.sum(dim=1).tolist() == [3, 3, 2]
    assert rows == [3, 3, 2]
    assert weights[~chosen].tolist() == [0.0] * 4
    assert bool((weights[chosen] != 0).all())


def test_neighbours_and_batch_size_do_not_matter() -> None:
    activations, base = example()
    together = ablationcam_weights(activations, linear_score, base, batch_size=3)
    for n in range(3):
        alone = ablationcam_weights(
            activations[n : n + 1],
            lambda changed, of, n=n: linear_score(changed, of + n),
            base[n : n + 1],
        )
        assert alone[0].tolist() == together[n].tolist()


def test_nan_stays_nan_and_stays_alone() -> None:
    activations, base = example()
    expected = ablationcam_weights(activations, linear_score, base)
    activations[1, 0, 0, 0] = torch.nan
    base = linear_score(activations, torch.arange(3))
    weights = ablationcam_weights(activations, linear_score, base)
    assert not heatmap(activations, weights)[1].isfinite().any()
    assert weights[[0, 2]].tolist() == expected[[0, 2]].tolist()
    closed = ablationcam_closed_form_weights(activations, torch.ones(3, 4), base)
    assert not heatmap(activations, closed)[1].isfinite().any()


@pytest.mark.parametrize(
    "spoil", [lambda scores: scores[:-1], lambda scores: scores[:, None], lambda scores: scores[0]]
)
def test_a_score_count_that_differs_is_an_error(spoil: Callable) -> None:
    activations, base = example()
    with pytest.raises(ValueError, match="the score of the one class asked for in each row"):
        ablationcam_weights(activations, lambda a, of: spoil(linear_score(a, of)), base)


def test_bad_input() -> None:
    activations, base = example()
    with pytest.raises(ValueError, match="batch_size is 0"):
        ablationcam_weights(activations, linear_score, base, batch_size=0)
    for wrong in (base[:2], base[:, None], base[0]):
        with pytest.raises(ValueError, match="base_scores has shape"):
            ablationcam_weights(activations, linear_score, wrong)
        with pytest.raises(ValueError, match="base_scores has shape"):
            ablationcam_closed_form_weights(activations, torch.ones(3, 4), wrong)
    with pytest.raises(ValueError, match="class_weights has shape"):
        ablationcam_closed_form_weights(activations, torch.ones(1, 4), base)


@pytest.mark.parametrize("name", ["plain_cnn", "residual", "vgg_like"])
def test_pytorch_grad_cam_agrees_where_the_lowest_activation_is_0(name: str) -> None:
    case = perturbed_model(name, count=1)
    assert float(case.activations.min()) == 0
    actual = ablationcam_weights(case.activations, case.activation_score, case.base_scores)
    assert restated.difference(actual, peers.grad_cam_ablationcam(case)) < 1e-5


def test_pytorch_grad_cam_goes_far_below_where_it_is_not() -> None:
    case = perturbed_model("depthwise", count=1)
    assert float(case.activations.min()) < 0
    theirs = peers.grad_cam_ablationcam(case)
    assert restated.difference(theirs, restated.ablationcam_far_below(case)) < 1e-5
    assert restated.difference(theirs, restated.ablationcam(case)) > 1
