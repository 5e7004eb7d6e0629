"""Levels of units against sorted lists; shards in any cut give the same."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.dissection.regions import may_be_active, unit_regions
from tasks.dissection.thresholds import (
    SKETCH_ERROR,
    ActivationHistogram,
    TopActivations,
    thresholds_for,
)


def batches(seed: int, sizes: list[int]) -> list[torch.Tensor]:
    generator = np.random.default_rng(seed)
    scale = 10.0 ** generator.uniform(-3, 3, (1, 3, 1, 1))
    return [
        torch.from_numpy((generator.normal(0, 1, (n, 3, 2, 5)) * scale).astype(np.float32))
        for n in sizes
    ]


def sorted_down(parts: list[torch.Tensor], unit: int) -> list[float]:
    return sorted((float(v) for part in parts for v in part[:, unit].reshape(-1)), reverse=True)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(1, 40), min_size=1, max_size=5),
    st.sampled_from([0.005, 0.02, 0.3, 0.5]),
    st.integers(0, 4),
)
def test_levels(seed: int, sizes: list[int], share: float, cut: int) -> None:
    parts = batches(seed, sizes)
    positions = 10 * sum(sizes)
    exact, sketch = TopActivations(3, share, positions), ActivationHistogram(3, share)
    halves = [(TopActivations(3, share, positions), ActivationHistogram(3, share)) for _ in "ab"]
    for place, part in enumerate(parts):
        for each in (exact, sketch, *halves[place < cut]):
            each.update(part)
    halves[0][0].merge(halves[1][0])
    halves[0][1].merge(halves[1][1])
    found, rough = exact.compute(), sketch.compute()
    assert torch.equal(halves[0][0].compute().level, found.level)
    assert torch.equal(halves[0][1].compute().level, rough.level)
    for unit in range(3):
        values = sorted_down(parts, unit)
        level = values[math.floor(share * positions + 1e-9)]
        assert float(found.level[unit]) == level
        assert level <= float(rough.level[unit]) <= level + SKETCH_ERROR * abs(level) + 1e-37
        above = sum(value > float(rough.level[unit]) for value in values)
        assert above <= share * positions + 1e-9
        assert (float(found.least[unit]), float(found.most[unit])) == (values[-1], values[0])
    assert found.positions == rough.positions == positions


def test_many_values_are_sorted_out_on_the_way() -> None:
    parts = batches(1, [400] * 4)
    top = TopActivations(3, 0.005, 16_000)
    for part in parts:
        top.update(part)
    for unit in range(3):
        assert float(top.compute().level[unit]) == sorted_down(parts, unit)[80]


def test_fewer_positions_than_were_planned() -> None:
    (part,) = batches(2, [20])
    top = TopActivations(3, 0.02, 10_000)
    top.update(part)
    assert float(top.compute().level[1]) == sorted_down([part], 1)[4]


def test_memory_decides_which() -> None:
    assert isinstance(thresholds_for(100, 0.005, 10**6), TopActivations)
    assert isinstance(thresholds_for(2048, 0.005, 10**8), ActivationHistogram)


def test_dead_sparse_and_saturated_units() -> None:
    values = torch.zeros(10, 4, 2, 5)
    values[0, 1, 0, 0] = 3.0  # active at one position of a hundred
    values[:3, 2] = 6.0  # at its ceiling at thirty
    values[:, 3] = torch.arange(100.0).reshape(10, 2, 5)
    top = TopActivations(4, 0.05, 100)
    top.update(values)
    found = top.compute()
    assert found.states == ["dead", "sparse", "saturated", "ok"]
    assert found.level.tolist() == [0.0, 0.0, 6.0, 94.0]
    regions = unit_regions(values[0], found.level, found.least, 10)
    assert not regions[0].any() and regions[2].all() and not regions[3].any()
    assert regions[1, 0, 0] and not regions[1, :, 5:].any()
    assert may_be_active(values[0], found.level).tolist() == [True, True, True, False]


def test_a_plateau_at_the_level_stays_whole() -> None:
    cells = torch.full((1, 7, 7), 0.1)
    level = torch.tensor([0.1])
    assert unit_regions(cells, level, torch.tensor([0.0]), 225).all()


@pytest.mark.parametrize("side", [8, 9, 31])
def test_regions_are_those_of_bilinear_enlargement(side: int) -> None:
    cells = np.random.default_rng(side).normal(0, 1, (4, 4))
    region = unit_regions(
        torch.from_numpy(cells[None]).float(), torch.tensor([0.3]), torch.tensor([-9.0]), side
    )[0]
    wrong = 0
    for y in range(side):
        for x in range(side):
            row = min(max((y + 0.5) * 4 / side - 0.5, 0), 3)
            col = min(max((x + 0.5) * 4 / side - 0.5, 0), 3)
            value = sum(
                cells[i, j] * max(0, 1 - abs(row - i)) * max(0, 1 - abs(col - j))
                for i in range(4) for j in range(4)
            )  # fmt: skip
            wrong += (value >= 0.3) != bool(region[y, x]) and abs(value - 0.3) > 1e-5
    assert wrong == 0
