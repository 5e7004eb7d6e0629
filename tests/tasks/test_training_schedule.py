"""Rates and patience, each against a restatement or torch's own."""

import math
import random

import pytest
import torch

from tasks.training.history import smoothed
from tasks.training.schedule import best_epoch, cosine_factor, out_of_patience, plateau_factor


@pytest.mark.parametrize("steps", [1, 2, 19, 40, 1000])
def test_cosine_is_torchs_behind_its_warm_up(steps: int) -> None:
    warm_up = math.ceil(steps / 20)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps - warm_up))
    for step in range(steps):
        if step < warm_up:
            assert cosine_factor(step, steps) == pytest.approx((step + 1) / warm_up)
            continue
        assert cosine_factor(step, steps) == pytest.approx(cosine.get_last_lr()[0], abs=1e-9)
        optimizer.step()
        cosine.step()


def test_cosine_by_hand() -> None:
    assert cosine_factor(0, 40) == 0.5
    assert cosine_factor(1, 40) == 1
    assert cosine_factor(2, 40) == 1
    assert cosine_factor(21, 40) == pytest.approx(0.5)
    assert 0 < cosine_factor(39, 40) < 0.002


def test_plateau_by_hand() -> None:
    falling = [1.0, 0.9, 0.8]
    assert plateau_factor([]) == 1
    assert plateau_factor([*falling, 0.8, 0.9, 0.85]) == 1
    assert plateau_factor([*falling, 0.8, 0.9, 0.85, 0.81]) == pytest.approx(0.1)
    assert plateau_factor([*falling, 0.8, 0.9, 0.85, 0.7, 0.9, 0.9, 0.9]) == 1
    assert plateau_factor([*falling, *[0.9] * 8]) == pytest.approx(0.01)


def test_patience_restated() -> None:
    draw = random.Random(0)
    for _ in range(200):
        losses = [draw.choice([1.0, 0.9, 0.8, 0.7]) for _ in range(draw.randrange(12))]
        patience, since = draw.randrange(1, 5), draw.randrange(4)
        lowest, waited = math.inf, 0
        for epoch, loss in enumerate(losses, start=1):
            waited = 0 if loss < lowest or epoch <= since else waited + 1
            lowest = min(lowest, loss)
        assert out_of_patience(losses, patience, since) == (waited >= patience)


def test_the_best_epoch_is_the_first_of_the_lowest() -> None:
    assert best_epoch([]) == 0
    assert best_epoch([0.5, 0.3, 0.4, 0.3]) == 2


def test_smoothing_restated() -> None:
    values = [3.0, 1.0, 4.0, 1.0, 5.0]
    for last, smooth in enumerate(smoothed(values, momentum=0.6)):
        weights = [0.6 ** (last - k) for k in range(last + 1)]
        mean = sum(w * v for w, v in zip(weights, values[: last + 1], strict=True)) / sum(weights)
        assert smooth == pytest.approx(mean)
    assert smoothed([2.0, 2.0, 2.0]) == pytest.approx([2.0, 2.0, 2.0])
