"""How often nominal 95 % intervals hold the truth, over many made-up populations.

Each population is a group of images as an audit has them: some taken for certain, the rest tested
with one probability, so that the number tested is random. The truth is that of the process the
images come from, and, for shares, that of the images themselves.
"""

from itertools import product

import numpy as np
import numpy.typing as npt

from tasks.findings.cells import Cells, Estimates, tally
from tasks.findings.weighted_means import weighted_mean
from tasks.findings.weighted_shares import weighted_share

POPULATIONS = 1_000

Floats = npt.NDArray[np.float64]


def covered(found: Estimates, truth: float | Floats) -> float:
    assert not np.isnan(found.low).any() and not np.isnan(found.high).any()
    return float(((found.low <= truth + 1e-9) & (truth <= found.high + 1e-9)).mean())


def group_codes(images: int) -> npt.NDArray[np.int64]:
    return np.repeat(np.arange(POPULATIONS), images)


def draw_inclusion(
    rng: np.random.Generator, certain: npt.NDArray[np.bool_], probability: float
) -> Floats:
    tested = rng.random(certain.size) < probability
    return np.where(certain, 1.0, np.where(tested, probability, np.nan))


def test_shares() -> None:
    rng = np.random.default_rng(0)
    ours, of_images, plain = [], [], []
    rates = (0.02, 0.1, 0.5, 0.9)
    cases = product((5, 15, 60), (0.0, 0.3, 0.9), (0.05, 0.2, 0.4), rates, (0.02, 0.1, 0.3, 0.98))
    for images, certain_share, probability, certain_rate, other_rate in cases:
        if not certain_share and certain_rate != rates[0]:
            continue  # there are no certain ones
        code = group_codes(images)
        certain = rng.random(code.size) < certain_share
        hits = (rng.random(code.size) < np.where(certain, certain_rate, other_rate)).astype(float)
        inclusion = draw_inclusion(rng, certain, probability)
        cells = tally(code, np.zeros(code.size, bool), inclusion, hits, POPULATIONS)
        found = weighted_share(cells)
        truth = certain_share * certain_rate + (1 - certain_share) * other_rate
        ours.append(covered(found, truth))
        of_images.append(covered(found, np.bincount(code, hits) / images))
        plain.append(normal_coverage(cells, truth))
    assert np.mean(ours) >= 0.95 and min(ours) >= 0.88
    assert np.mean(of_images) >= 0.97 and min(of_images) >= 0.91
    assert np.mean(plain) < 0.7  # estimate +- 1.96 standard errors would not have done


def normal_coverage(cells: Cells, truth: float) -> float:
    mean = np.nan_to_num(cells.mean)
    variance = cells.shares**2 * mean * (1 - mean) / np.maximum(cells.tested, 1)
    half = 1.96 * np.sqrt(variance.sum(axis=1))
    value = (cells.shares * mean).sum(axis=1)
    return float((np.abs(value - truth) <= half).mean())


def test_shares_of_mistakes_and_correct_together() -> None:
    """As for the accuracy on replaced backgrounds: four cells, and halves beside 0 and 1."""
    rng = np.random.default_rng(1)
    coverage = []
    for images, wrong, probability, halves in product(
        (8, 40, 150), (0.05, 0.3, 0.9), (0.1, 0.4), (False, True)
    ):
        code = group_codes(images)
        correct = rng.random(code.size) >= wrong
        certain = rng.random(code.size) < np.where(correct, 0.02, 0.6)
        rate = np.where(correct, np.where(certain, 0.3, 0.95), np.where(certain, 0.7, 0.2))
        draws = rng.random((2 if halves else 1, code.size)) < rate
        inclusion = draw_inclusion(rng, certain, probability)
        cells = tally(code, correct, inclusion, draws.mean(axis=0), POPULATIONS)
        truth = (1 - wrong) * (0.02 * 0.3 + 0.98 * 0.95) + wrong * (0.6 * 0.7 + 0.4 * 0.2)
        coverage.append(covered(weighted_share(cells, untested=0.5), truth))
    assert np.mean(coverage) >= 0.95 and min(coverage) >= 0.9


GAPS = {"none": 0.0, "rare": 0.05, "some": 0.15, "half": 0.5, "most": 0.9, "all": 1.0}


def draw_gaps(rng: np.random.Generator, rate: Floats) -> Floats:
    """Near 0, or of a mean of 0.65 in `rate` of the images."""
    near_zero = rng.normal(0, 0.04, rate.size)
    return np.where(rng.random(rate.size) < rate, rng.uniform(0.3, 1, rate.size), near_zero)


def test_means_of_gaps() -> None:
    rng = np.random.default_rng(2)
    ours, bootstrapped = [], []
    cases = product((6, 20, 80), (0.0, 0.3, 1.0), (0.2, 0.4), ("some", "half", "most"), GAPS)
    for images, certain_share, probability, certain_kind, other_kind in cases:
        if (certain_share == 0 and certain_kind != "some") or (
            certain_share == 1 and other_kind != "some"
        ):
            continue
        code = group_codes(images)
        certain = rng.random(code.size) < certain_share
        rates = np.where(certain, GAPS[certain_kind], GAPS[other_kind])
        values = draw_gaps(rng, rates)
        inclusion = draw_inclusion(rng, certain, probability)
        cells = tally(code, np.zeros(code.size, bool), inclusion, values, POPULATIONS)
        truth = certain_share * GAPS[certain_kind] + (1 - certain_share) * GAPS[other_kind]
        ours.append(covered(weighted_mean(cells), 0.65 * truth))
        bootstrapped.append(bootstrap_coverage(rng, code, inclusion, values, 0.65 * truth))
    assert np.mean(ours) >= 0.95 and min(ours) >= 0.88
    assert np.mean(bootstrapped) < 0.8


def bootstrap_coverage(
    rng: np.random.Generator, code: Floats, inclusion: Floats, values: Floats, truth: float
) -> float:
    """Of the percentile bootstrap within cells, on the first 20 populations."""
    hits = 0
    for group in range(20):
        chosen = code == group
        weights = [values[chosen & (inclusion == 1)], values[chosen & (inclusion < 1)]]
        untested = int((chosen & np.isnan(inclusion)).sum())
        total = np.zeros(200)
        for part, images in zip(
            weights, (weights[0].size, weights[1].size + untested), strict=True
        ):
            if part.size:
                total += images * rng.choice(part, (200, part.size)).mean(axis=1)
        low, high = np.quantile(total / chosen.sum(), [0.025, 0.975])
        hits += bool(low <= truth <= high)
    return hits / 20


def test_shares_by_the_design_of_an_audit() -> None:
    """The highest scores of all, then every k-th of the others in the order of their classes."""
    rng = np.random.default_rng(3)
    classes, images, holds, shares = 12, 300, [], []
    rates = np.linspace(0.02, 0.9, classes)
    for _ in range(150):
        code = np.sort(rng.integers(0, classes, images))
        hits = rng.random(images) < rates[code]
        score = hits * rng.normal(1, 0.7, images) + rng.normal(0, 1, images)
        inclusion = np.full(images, np.nan)
        inclusion[np.argsort(-score)[:40]] = 1
        others = np.flatnonzero(np.isnan(inclusion))
        inclusion[others[rng.integers(0, 5) :: 5]] = 0.2
        cells = tally(code, np.zeros(images, bool), inclusion, hits, classes)
        found = weighted_share(cells)
        truth = np.bincount(code, hits, classes) / np.bincount(code, minlength=classes)
        holds.append((found.low <= truth) & (truth <= found.high))
        shares.append((found.low <= rates) & (rates <= found.high))
    assert np.mean(holds) >= 0.95 and np.mean(holds, axis=0).min() >= 0.9
    assert np.mean(shares) >= 0.93 and np.mean(shares, axis=0).min() >= 0.88
