"""Worst groups and tests of what was found before, against enumeration in plain Python."""

from itertools import product
from math import comb
from pathlib import Path

import numpy as np
import pytest

from tasks.diff.mended import holm
from tasks.diff.once_found import p_value_once_found
from tasks.diff.overlapping_rates import TwoRates
from tasks.diff.stage import compare_runs
from tasks.diff.worst_groups import compare_worst
from tasks.statistics.intervals import wilson_interval
from tests.tasks.compared_runs import image, write_run

TITLES = ["a", "b", "c"]


def paired(cells: list[tuple[int, int, int, int]]) -> TwoRates:
    """cells : of each group images that both, A alone, B alone and none has right"""
    both, only_a, only_b, none = (np.array(column) for column in zip(*cells, strict=True))
    images = both + only_a + only_b + none
    return TwoRates(both + only_a, images, both + only_b, images, both, only_a, only_b, images)


def apart(cells: list[tuple[int, int, int, int]]) -> TwoRates:
    """cells : of each group hits and images of A, hits and images of B"""
    columns = [np.array(column) for column in zip(*cells, strict=True)]
    return TwoRates(*columns, *[np.zeros(len(cells), dtype=np.int64)] * 4)


def test_the_worst_of_each_audit_and_its_chance_when_paired() -> None:
    cells = [(3, 1, 6, 2), (8, 2, 0, 2), (1, 0, 0, 1)]  # the last has two images: too few
    found = compare_worst(paired(cells), TITLES)
    assert found is not None
    assert (found["groups"], found["group_a"], found["group_b"]) == (2, "a", "b")
    assert (found["value_a"], found["value_b"]) == (4 / 12, 8 / 12)
    # MOVER of two groups that share no image (Zou and Donner 2008, eq. 10 without correlation).
    (low_a, high_a), (low_b, high_b) = wilson_interval(4, 12), wilson_interval(8, 12)
    difference = 8 / 12 - 4 / 12
    below = ((8 / 12 - low_b) ** 2 + (high_a - 4 / 12) ** 2) ** 0.5
    above = ((high_b - 8 / 12) ** 2 + (4 / 12 - low_a) ** 2) ** 0.5
    assert [found["low"], found["high"]] == pytest.approx([difference - below, difference + above])
    extreme = 0.0
    for i, j in product(range(8), range(3)):  # of 7 and 2 images, those that A alone has right
        a, b = min(3 + i, 8 + j) / 12, min(3 + 7 - i, 8 + 2 - j) / 12
        if abs(b - a) >= difference - 1e-12:
            extreme += comb(7, i) * comb(2, j) / 2**9
    assert found["p_value"] == pytest.approx(extreme, abs=0.012)


def test_the_worst_of_each_audit_and_its_chance_when_apart() -> None:
    cells = [(4, 12, 10, 11), (10, 12, 9, 12)]
    found = compare_worst(apart(cells), TITLES)
    assert found is not None
    assert (found["group_a"], found["group_b"]) == ("a", "b")
    extreme = 0.0
    for i, j in product(range(13), range(13)):
        if not (0 <= 14 - i <= 11 and 0 <= 19 - j <= 12):
            continue
        likely = comb(12, i) * comb(11, 14 - i) / comb(23, 14)
        likely *= comb(12, j) * comb(12, 19 - j) / comb(24, 19)
        a, b = min(i / 12, j / 12), min((14 - i) / 11, (19 - j) / 12)
        extreme += likely * (abs(b - a) >= abs(9 / 12 - 4 / 12) - 1e-12)
    assert found["p_value"] == pytest.approx(extreme, abs=0.015)


def test_the_luck_of_the_worst_group_is_no_change() -> None:
    """Twelve equal groups, two samples: looking at A's worst again would always find it better."""
    generator = np.random.default_rng(0)
    p_values, again = [], []
    for seed in range(50):
        hits = generator.binomial(15, 0.7, (2, 12))
        cells = [(int(a), 15, int(b), 15) for a, b in hits.T]
        found = compare_worst(apart(cells), [str(i) for i in range(12)], seed)
        assert found is not None
        p_values.append(found["p_value"])
        again.append(hits[1][hits[0].argmin()] - hits[0].min())
    assert np.mean(again) > 2  # of 15 images, by chance alone
    assert np.mean(np.array(p_values) <= 0.05) <= 0.1


def test_one_group_is_no_worst_of_several() -> None:
    assert compare_worst(apart([(3, 12, 9, 12), (1, 9, 9, 9)]), TITLES) is None


def test_groups_of_two_audits(tmp_path: Path) -> None:
    """12 ants and 12 bees on land and as many at sea; ants at sea are wrong in A, all but two right
    in B; an image that only A has does not count."""
    a, b = [], []
    for i in range(48):
        label, scene = i % 2, "sea" if i < 24 else "land"
        wrong = label == 0 and scene == "sea"
        tags = [("scene", scene), ("number", str(i))]
        a.append(image(f"/x/{i}.png", label, 1 if wrong else label, tags=tags))
        b.append(image(f"/x/{i}.png", label, 1 if wrong and i < 4 else label, tags=tags))
    a.append(image("/x/more.png", 1, 0, tags=[("scene", "sea")]))
    tables = compare_runs(write_run(tmp_path / "a", a), write_run(tmp_path / "b", b)).tables
    alone, by_scene = tables["worst_groups"].to_pylist()
    assert (alone["tag"], alone["value_a"], alone["value_b"]) == (None, 0.5, 22 / 24)
    assert (by_scene["tag"], by_scene["groups"]) == ("scene", 4)
    assert by_scene["group_a"] == by_scene["group_b"] == "ant, scene = sea"
    assert (by_scene["value_a"], by_scene["value_b"]) == (0.0, 10 / 12)
    assert by_scene["p_value"] < 0.01 < by_scene["low"]


def test_holm_in_plain_loops() -> None:
    p = [0.01, 0.04, 0.03, 0.005, 0.9]
    expected = []
    for value in p:
        smaller = sorted(x for x in p if x <= value)
        expected.append(min(1, max(x * (len(p) - k) for k, x in enumerate(smaller))))
    assert holm(p) == pytest.approx(expected)
    assert holm([]).size == 0


def by_enumeration(hits_a: int, images: int, hits_b: int, outside: tuple[int, int],
                   largest_p: float) -> float:  # fmt: skip
    """Two samples of as many images each: given the sum of hits, and that A was found."""

    def fisher(hits: int) -> float:
        n, m = images, outside[1]
        total = hits + outside[0]
        return sum(comb(n, k) * comb(m, total - k) for k in range(hits, min(n, total) + 1)
                   ) / comb(n + m, total)  # fmt: skip

    def found(hits: int) -> bool:
        rise = hits / images - outside[0] / outside[1]
        return hits >= hits_a or (fisher(hits) <= largest_p and rise >= 0.05)

    total = hits_a + hits_b
    law = {k: comb(images, k) * comb(images, total - k) for k in range(min(images, total) + 1)
           if total - k <= images}  # fmt: skip
    chosen = {k: weight for k, weight in law.items() if found(k)}
    return sum(w for k, w in chosen.items() if k >= hits_a) / sum(chosen.values())


@pytest.mark.parametrize(("hits_a", "hits_b"), [(9, 1), (6, 2), (4, 4), (12, 0)])
def test_a_rate_that_was_found_is_tested_given_that_it_was(hits_a: int, hits_b: int) -> None:
    got = p_value_once_found(apart([(hits_a, 20, hits_b, 20)]), 3, 60, 0.01)
    assert got == pytest.approx(by_enumeration(hits_a, 20, hits_b, (3, 60), 0.01))


def test_paired_answers_are_tested_given_the_finding() -> None:
    """10 of 20 hits in A, 2 in B, 1 in both. Against 3 of 60 elsewhere Fisher's test finds 5 hits
    and more at 0.05 (p 0.026), not 4 (0.064): 4 of the ten that one audit alone hits."""
    counts = paired([(1, 9, 1, 9)])
    whole = [comb(10, k) for k in range(11)]
    got = p_value_once_found(counts, 3, 60, 0.05)
    assert got == pytest.approx(sum(whole[9:]) / sum(whole[4:]))
    assert np.isnan(p_value_once_found(apart([(1, 4, 0, 0)]), 0, 9, 0.05))
