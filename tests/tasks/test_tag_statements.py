"""Tags that draw answers to a class, against counts in plain loops and simulated audits."""

import numpy as np
import pandas as pd
import pytest

from tasks.findings.audited_images import audited_images
from tasks.findings.stratified_differences import StratifiedCounts, stratified_difference
from tasks.findings.tag_statements import tag_statements
from tests.tasks.findings_verdicts import frame, verdict
from tests.tasks.test_findings import CLASSES, found_in

LANDBIRD, WATERBIRD, MUG = range(3)


def audit(plan: list[tuple[str, int, int, int]]) -> tuple[list[dict], pd.DataFrame]:
    """plan : site, label, predicted, number of such images"""
    rows, sites = [], []
    for site, label, predicted, number in plan:
        for _ in range(number):
            rows.append(verdict(len(rows), label, predicted))
            sites.append(site)
    return rows, pd.DataFrame({"image_id": range(len(rows)), "site": sites})


def test_a_site_that_draws_answers_to_a_class_is_named() -> None:
    rows, tags = audit([
        ("harbour", LANDBIRD, WATERBIRD, 30), ("harbour", LANDBIRD, LANDBIRD, 70),
        ("forest", LANDBIRD, WATERBIRD, 5), ("forest", LANDBIRD, LANDBIRD, 95),
        ("harbour", MUG, MUG, 40), ("forest", MUG, MUG, 40),
        ("harbour", WATERBIRD, WATERBIRD, 50), ("forest", WATERBIRD, WATERBIRD, 50),
    ])  # fmt: skip
    first = found_in(rows, tags=tags)[0]
    assert (first["kind"], first["subject"]) == ("tag", "site = harbour -> waterbird")
    assert first["confirmed"] and (first["label"], first["predicted"]) == (-1, WATERBIRD)
    # Landbirds: 30 - 5 of 100 each; mugs: none of 40 each. Weighted as 100 * 100 / 200 to 20.
    assert first["effect"] == pytest.approx((0.25 * 50 + 0 * 20) / 70)
    assert first["images"] == first["tested"] == 140
    assert "taken for waterbird 18 [" in first["text"]
    assert "(30 of 140 there, 5 of 140 elsewhere)" in first["text"]
    assert first["exemplars"] == list(range(8))
    assert not [row for row in found_in(rows, tags=tags) if "forest" in row["subject"]]


def test_a_site_with_more_of_a_class_that_is_often_mistaken_is_not_blamed() -> None:
    """In either site 30 % of landbirds and no mug are taken for a waterbird."""
    rows, tags = audit([
        ("harbour", LANDBIRD, WATERBIRD, 60), ("harbour", LANDBIRD, LANDBIRD, 140),
        ("harbour", MUG, MUG, 20),
        ("forest", LANDBIRD, WATERBIRD, 6), ("forest", LANDBIRD, LANDBIRD, 14),
        ("forest", MUG, MUG, 200),
    ])  # fmt: skip
    images = audited_images(frame(rows))
    found = {s.subject: s for s in tag_statements(images, tags, CLASSES)}
    assert found["site = harbour -> waterbird"].effect == pytest.approx(0, abs=1e-12)
    assert found["site = harbour -> waterbird"].p_value > 0.5
    assert not found["site = harbour -> waterbird"].listed


def test_a_tag_that_goes_with_the_label_tells_nothing() -> None:
    rows, tags = audit([("harbour", LANDBIRD, WATERBIRD, 30), ("harbour", LANDBIRD, LANDBIRD, 9),
                        ("forest", MUG, MUG, 50)])  # fmt: skip
    assert tag_statements(audited_images(frame(rows)), tags, CLASSES) == []
    some, tags = audit([("harbour", LANDBIRD, WATERBIRD, 30), ("harbour", LANDBIRD, LANDBIRD, 9),
                        ("forest", LANDBIRD, LANDBIRD, 6), ("forest", MUG, MUG, 50)])  # fmt: skip
    images = audited_images(frame(some))
    told = {s.subject: s for s in tag_statements(images, tags, CLASSES)}
    assert told["site = harbour -> waterbird"].effect == pytest.approx(30 / 39)
    assert "(30 of 39 there, 0 of 6 elsewhere)" in told["site = harbour -> waterbird"].text


def test_rare_mistakes_and_one_site_alone_are_not_tested() -> None:
    rows, tags = audit([("harbour", LANDBIRD, WATERBIRD, 3), ("forest", LANDBIRD, LANDBIRD, 50),
                        ("harbour", LANDBIRD, LANDBIRD, 50)])  # fmt: skip
    images = audited_images(frame(rows))
    assert tag_statements(images, tags, CLASSES) == []
    assert tag_statements(images, None, CLASSES) == []
    assert tag_statements(images, tags.assign(site="harbour"), CLASSES) == []


def test_the_difference_of_one_stratum_is_the_plain_one() -> None:
    found = stratified_difference(StratifiedCounts(*(np.array([n]) for n in (40, 60, 20, 12))))
    assert found.value == pytest.approx(20 / 40 - 12 / 60)
    # With one stratum the variance is that of two binomials, to the order of 1 / images.
    plain = 1.96 * np.sqrt(0.5 * 0.5 / 40 + 0.2 * 0.8 / 60)
    assert (found.high - found.low) / 2 == pytest.approx(plain, rel=0.05)


def test_without_a_stratum_of_both_there_is_no_difference() -> None:
    counts = [np.array(column) for column in ([5, 0], [0, 7], [2, 0], [0, 3])]
    found = stratified_difference(StratifiedCounts(*counts))
    assert np.isnan([found.value, found.low, found.high]).all()


@pytest.mark.parametrize("strata", [1, 4, 60])
def test_intervals_cover_the_difference(strata: int) -> None:
    """Rates differ between strata by much, and within each by 0.15."""
    generator, covered = np.random.default_rng(strata), 0
    base = generator.uniform(0.05, 0.7, strata)
    n, m = (generator.integers(2, 1 + 240 // strata, strata) + 2 for _ in range(2))
    for _ in range(1000):
        hits = generator.binomial(n, base + 0.15), generator.binomial(m, base)
        found = stratified_difference(StratifiedCounts(n, m, *hits))
        covered += found.low <= 0.15 <= found.high
    assert 920 <= covered <= 975
