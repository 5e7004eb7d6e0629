"""Numbers of raw maps, by hand, against plain loops, and as properties."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cam_kernels.map_numbers import STATES, MapNumbers, map_numbers
from tests import reference

NUMBERS = (
    "object_energy", "lift", "pointing_hit", "border_share",
    "centroid_row", "centroid_col", "spread", "entropy",
)  # fmt: skip


def numbers_of(maps: Tensor, coverage: Tensor | None = None) -> MapNumbers:
    if coverage is None:
        coverage = torch.full(maps.shape, 0.25)
    return map_numbers(maps, coverage, coverage > 0.5)


def test_by_hand() -> None:
    maps = torch.tensor([[[0.0, 0.0, 0.0, 0.0], [0.0, 3.0, 1.0, 0.0], [0.0, 0.0, 0.0, -9.0]]])
    coverage = torch.zeros((1, 3, 4))
    coverage[0, 1, 1], coverage[0, 1, 2], coverage[0, 0, 0] = 1.0, 0.5, 1.0
    numbers = numbers_of(maps, coverage)
    assert STATES[numbers.state.item()] == "ok"
    assert numbers.object_energy.item() == 0.875
    assert numbers.lift.item() == pytest.approx(0.875 / (2.5 / 12))
    assert numbers.pointing_hit.item() == 1
    assert numbers.border_share.item() == 0
    assert numbers.centroid_row.item() == pytest.approx(0.5)
    assert numbers.centroid_col.item() == pytest.approx(0.75 * 0.375 + 0.25 * 0.625)
    assert numbers.spread.item() == pytest.approx(math.sqrt(0.75 * 0.25) / 4)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)) / math.log(12)
    assert numbers.entropy.item() == pytest.approx(entropy)


def test_one_bright_corner() -> None:
    maps = torch.zeros((1, 4, 4))
    maps[0, 3, 3] = 7
    numbers = numbers_of(maps)
    assert numbers.border_share.item() == 1 and numbers.spread.item() == 0
    assert numbers.entropy.item() == 0 and numbers.pointing_hit.item() == 0
    assert numbers.centroid_row.item() == numbers.centroid_col.item() == 0.875


@pytest.mark.parametrize("rows, cols", [(1, 1), (1, 5), (2, 2), (7, 7), (3, 9)])
def test_a_uniform_map_is_the_baseline(rows: int, cols: int) -> None:
    coverage = torch.rand((1, rows, cols), generator=torch.Generator().manual_seed(0))
    numbers = numbers_of(torch.full((1, rows, cols), 0.3), coverage)
    assert numbers.lift.item() == pytest.approx(1)
    assert numbers.centroid_row.item() == pytest.approx(0.5)
    assert numbers.centroid_col.item() == pytest.approx(0.5)
    if rows * cols > 1:
        assert numbers.entropy.item() == pytest.approx(1)
    inner = max(rows - 2, 0) * max(cols - 2, 0)
    assert numbers.border_share.item() == pytest.approx(1 - inner / (rows * cols))


@pytest.mark.parametrize(
    "value, state",
    [(0.0, "empty"), (-2.0, "empty"), (math.nan, "not_finite"), (math.inf, "not_finite"),
     (-math.inf, "not_finite")],
)  # fmt: skip
def test_maps_without_evidence_have_a_state_and_no_numbers(value: float, state: str) -> None:
    maps = torch.ones((3, 4, 4))
    maps[1] = 0
    maps[1, 2, 1] = value
    numbers = numbers_of(maps)
    assert [STATES[s] for s in numbers.state.tolist()] == ["ok", state, "ok"]
    for name in NUMBERS:
        values = getattr(numbers, name)
        assert values[1].isnan() and values[[0, 2]].isfinite().all(), name


def test_an_image_without_an_object_has_the_other_numbers() -> None:
    for absent in (math.nan, 0.0):
        numbers = numbers_of(torch.rand((1, 4, 4)), torch.full((1, 4, 4), absent))
        for name in NUMBERS:
            is_object_number = name in ("object_energy", "lift", "pointing_hit")
            assert getattr(numbers, name).isnan().item() == is_object_number, name


@pytest.mark.parametrize("value", [1e-40, 1e-30, 1e38, 3e38])
def test_tiny_and_huge_values(value: float) -> None:
    maps = torch.tensor([[[1.0, 1.0], [0.5, 0.0]]]) * value
    numbers = numbers_of(maps)
    assert numbers.state.item() == 0
    assert numbers.centroid_row.item() == pytest.approx(0.25 * 0.8 + 0.75 * 0.2, abs=1e-4)


cells = st.integers(-64, 64).map(lambda eighths: eighths / 8)
grids = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
    lambda shape: st.tuples(
        st.just(shape),
        st.lists(cells, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]),
        st.lists(st.floats(0, 1, width=32), min_size=shape[0] * shape[1],
                 max_size=shape[0] * shape[1]),
        st.integers(-20, 20),
    )
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(grids)
def test_properties(case: tuple) -> None:
    shape, values, shares, power = case
    maps, coverage = (
        torch.tensor(v, dtype=torch.float32).view(1, *shape) for v in (values, shares)
    )
    numbers = numbers_of(maps, coverage)
    scaled = numbers_of(maps * 2.0**power, coverage)
    for name in ("state", *NUMBERS):
        now, then = getattr(scaled, name), getattr(numbers, name)
        assert torch.equal(now.nan_to_num(-1), then.nan_to_num(-1)), name
    for name in ("object_energy", "border_share", "centroid_row", "centroid_col", "entropy"):
        value = getattr(numbers, name).item()
        assert math.isnan(value) or -1e-12 <= value <= 1 + 1e-12, name
    if maps.max() <= 0 or coverage.max() <= 0 or maps.numel() == 1:
        return
    arrays = maps[0].double().numpy(), coverage[0].double().numpy(), (coverage > 0.5)[0].numpy()
    for name, expected in reference.map_numbers(*arrays).items():
        np.testing.assert_allclose(
            getattr(numbers, name).item(), expected, rtol=1e-6, atol=1e-7, err_msg=name
        )


def test_a_batch_is_its_images_one_by_one() -> None:
    generator = torch.Generator().manual_seed(4)
    maps = torch.randn((9, 7, 7), generator=generator)
    coverage = torch.rand((9, 7, 7), generator=generator)
    together = numbers_of(maps, coverage)
    for i in range(9):
        alone = numbers_of(maps[i : i + 1], coverage[i : i + 1])
        for name in ("state", *NUMBERS):
            assert getattr(alone, name).item() == getattr(together, name)[i].item(), name


def test_no_images() -> None:
    numbers = numbers_of(torch.zeros((0, 7, 7)))
    assert all(getattr(numbers, name).shape == (0,) for name in ("state", *NUMBERS))
