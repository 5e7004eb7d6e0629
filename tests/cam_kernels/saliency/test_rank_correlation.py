"""Spearman's rho against scipy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cam_kernels.saliency.rank_correlation import rank_correlation


@pytest.mark.parametrize("levels", [2, 5, 1000])
@pytest.mark.parametrize("absolute", [False, True])
def test_scipy_with_and_without_ties(levels: int, absolute: bool) -> None:
    generator = torch.Generator().manual_seed(levels)
    maps, others = torch.randint(-levels, levels, (2, 6, 9, 7), generator=generator).float()
    others += maps.roll(1, dims=2)
    actual = rank_correlation(maps, others, absolute=absolute)
    for one, other, rho in zip(maps.numpy(), others.numpy(), actual.tolist(), strict=True):
        if absolute:
            one, other = np.abs(one), np.abs(other)
        expected = stats.spearmanr(one.ravel(), other.ravel()).statistic
        assert rho == pytest.approx(expected, abs=1e-12)


VALUES = st.lists(
    st.sampled_from([-2.0, -0.0, 0.0, 1e-30, 1.0, 3e38, np.inf]), min_size=8, max_size=8
)


@settings(max_examples=100, deadline=None)
@given(VALUES, VALUES)
def test_scipy_on_hostile_values(one: list[float], other: list[float]) -> None:
    actual = rank_correlation(torch.tensor([one]), torch.tensor([other]))
    ranks = [stats.rankdata(np.float32(values)) for values in (one, other)]
    if min(map(np.ptp, ranks)) == 0:
        assert actual.isnan().all()
    else:
        assert float(actual) == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-12)


def test_by_hand() -> None:
    maps = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [-1.0, 0.5, 2.0]])
    others = torch.tensor([[10.0, 20.0, 1e9], [3.0, 2.0, 1.0], [5.0, -1.0, 7.0]])
    assert rank_correlation(maps, others).tolist() == [1.0, -1.0, 0.5]
    assert rank_correlation(maps, -others, absolute=True).tolist() == [1.0, -1.0, 1.0]


def test_constant_maps_and_nan_have_no_correlation() -> None:
    maps = torch.tensor([[1.0, 1.0], [1.0, torch.nan], [1.0, 2.0], [0.0, 1.0]])
    others = torch.tensor([[1.0, 2.0], [1.0, 2.0], [torch.nan, 2.0], [5.0, 9.0]])
    assert rank_correlation(maps, others).isnan().tolist() == [True, True, True, False]


def test_many_pixels_are_exact() -> None:
    generator = torch.Generator().manual_seed(0)
    maps, others = torch.randn((2, 1, 3, 224, 224), generator=generator)
    expected = stats.spearmanr(maps.numpy().ravel(), others.numpy().ravel()).statistic
    assert float(rank_correlation(maps, others)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("shapes", [((2, 3), (2, 4)), ((3,), (3,)), ((2, 3), (1, 3))])
def test_shapes_that_do_not_fit_are_refused(shapes) -> None:
    with pytest.raises(ValueError, match="expected the same shape"):
        rank_correlation(*map(torch.zeros, shapes))
