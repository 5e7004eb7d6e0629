"""Boxes from maps, their accuracy and PxAP, against the published evaluation in plain loops."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tasks.errors import AuditError
from tasks.images.geometry import place
from tasks.localization.box_accuracy import BoxAccuracy
from tasks.localization.boxes import intersection_over_union
from tasks.localization.cam_box import cam_box
from tasks.localization.centre import CentreBaseline
from tasks.localization.level_hits import IOUS, level_hits, level_thresholds
from tasks.localization.one_contour import LEVELS
from tasks.localization.pixel_precision import PixelPrecision, score_bins
from tasks.localization.score_maps import centre_map, enlarge, normalise
from tests.tasks import localization_oracles as oracle

SIDE = 24
LEVEL_OF = [int(t * 255) for t in np.arange(0, 1, 0.001)]

grids = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.floats(-1, 1, width=16)
)
pixel_maps = hnp.arrays(np.float64, (12, 12), elements=st.integers(0, 5))
edges = st.lists(st.integers(0, 11), min_size=2, max_size=2).map(sorted)
box_lists = st.lists(
    st.tuples(edges, edges).map(lambda e: [e[0][0], e[1][0], e[0][1], e[1][1]]),
    min_size=1,
    max_size=3,
)


def hits_of(ious: list[float]) -> np.ndarray:
    return np.array([[value >= wanted for value in ious] for wanted in (0.3, 0.5, 0.7)])


def assert_published(scores: np.ndarray, boxes: list[list[int]]) -> None:
    largest, any_contour = level_hits(scores, np.array(boxes))
    for mine, all_contours in ((largest, False), (any_contour, True)):
        expected = hits_of(oracle.best_ious(scores, boxes, all_contours))
        np.testing.assert_array_equal(mine[:, LEVEL_OF], expected)


@settings(max_examples=25, deadline=None)
@given(grids, box_lists)
def test_hits_of_smooth_maps_are_the_published_ones(grid, boxes):
    assert_published(normalise(enlarge(grid, SIDE)), [[2 * e for e in box] for box in boxes])


@settings(max_examples=40, deadline=None)
@given(pixel_maps, box_lists)
def test_hits_of_maps_with_many_contours_and_holes_are_the_published_ones(pixels, boxes):
    assert_published(normalise(pixels), boxes)


def test_levels_are_the_published_thresholds():
    first = [LEVEL_OF.index(level) for level in range(LEVELS)]
    assert sorted(set(LEVEL_OF)) == list(range(LEVELS))
    np.testing.assert_array_equal(level_thresholds(), np.arange(0, 1, 0.001)[first])


@settings(max_examples=40, deadline=None)
@given(grids)
def test_enlarged_maps_are_bilinear_and_reach_from_0_to_1(grid):
    mine = normalise(enlarge(grid, SIDE))
    enlarged = enlarge(grid, SIDE)
    if enlarged.max() - enlarged.min() > 1e-6:
        np.testing.assert_allclose(mine, oracle.normalised(grid, SIDE), atol=1e-6)
        assert (mine.min(), mine.max()) == (0.0, 1.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0, 7.0])
def test_maps_that_tell_nothing_become_zeros(bad):
    scores = normalise(enlarge(np.full((3, 3), bad), 6))
    assert not scores.any()
    # Without a contour the published box is the first pixel, at every threshold.
    largest, any_contour = level_hits(scores, np.array([[0, 0, 0, 1]]))
    assert largest[:2].all() and any_contour[:2].all() and not largest[2].any()
    assert not level_hits(scores, np.array([[1, 0, 3, 3]]))[1].any()


def test_a_hand_worked_map():
    """A block of 4 x 3 pixels at 1, one of 2 x 2 at 0.6, on 10 x 10. x + w makes boxes one pixel
    too wide: 5 x 4 = 20 for the first, 3 x 3 = 9 for the second."""
    scores = np.zeros((10, 10))
    scores[1:4, 1:5] = 1
    scores[6:8, 6:8] = 0.6
    first, second = np.array([[1, 1, 4, 3]]), np.array([[6, 6, 7, 7]])
    largest, any_contour = level_hits(scores, first)  # 12 / 20 = 0.6
    assert largest[:2].all() and not largest[2].any()
    assert (any_contour == largest).all()
    largest, any_contour = level_hits(scores, second)  # 4 / 9, up to level 152 = 0.6 * 255 - 1
    assert not largest.any() and not any_contour[1:].any()
    assert any_contour[0, :153].all() and not any_contour[0, 153:].any()
    assert cam_box(scores) == (1, 1, 4, 3)


def test_iou_counts_pixels():
    boxes = np.array([[0, 0, 1, 1], [2, 2, 3, 3], [0, 0, 3, 3]])
    found = intersection_over_union(boxes, np.array([[1, 1, 2, 2]]))
    np.testing.assert_allclose(found[:, 0], [1 / 7, 1 / 7, 4 / 16])


@settings(max_examples=60, deadline=None)
@given(box_lists, box_lists)
def test_iou_is_that_of_plain_loops(boxes, others):
    expected = [[oracle.iou(b, o) for o in others] for b in boxes]
    found = intersection_over_union(np.array(boxes), np.array(others))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_largest_group_above_a_fifth_is_the_cam_papers_box():
    rng = np.random.default_rng(0)
    for _ in range(40):
        enlarged = enlarge(rng.normal(0, 1, (5, 5)), SIDE)
        groups = cam_box(enlarged)
        assert list(groups) == oracle.cam_rule(enlarged)


@pytest.mark.parametrize("grid", [np.zeros((3, 3)), np.full((3, 3), -1.0), np.full((3, 3), np.nan)])
def test_a_map_without_positive_values_has_no_box(grid):
    assert cam_box(grid) is None


def test_a_constant_positive_map_takes_the_whole_view():
    assert cam_box(np.full((4, 6), 3.0)) == (0, 0, 5, 3)


def test_the_centre_baseline_is_the_evaluation_of_its_map():
    centre = CentreBaseline(SIDE)
    step = [(i + 0.5) / SIDE - 0.5 for i in range(SIDE)]
    plain = np.array([[math.exp(-(y * y + x * x) * 8) for x in step] for y in step])
    plain = (plain - plain.min()) / (plain - plain.min()).max()
    np.testing.assert_allclose(centre_map(SIDE), plain, atol=1e-12)
    boxes = np.array([[3, 5, 15, 20], [0, 0, 2, 2]])
    for all_contours in (False, True):
        expected = hits_of(oracle.best_ious(centre_map(SIDE), boxes.tolist(), all_contours))
        np.testing.assert_array_equal(centre.hits(boxes)[:, LEVEL_OF], expected)
    assert list(centre.box) == oracle.cam_rule(centre_map(SIDE))


def random_images(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(5)
    found = []
    for _ in range(count):
        low = rng.integers(0, SIDE - 4, (1, 2))
        boxes = np.concatenate([low, low + rng.integers(2, 16, (1, 2))], axis=1)
        found.append((normalise(enlarge(rng.normal(0, 1, (4, 5)), SIDE)), np.clip(boxes, 0, 23)))
    return found


def test_max_box_acc_is_the_published_one():
    images = random_images(12)
    for which in (0, 1):
        accuracy = BoxAccuracy()
        accuracy.update(np.stack([level_hits(*image)[which] for image in images]))
        ious = [oracle.best_ious(s, boxes.tolist(), which == 1) for s, boxes in images]
        for wanted, best in accuracy.compute().items():
            share, threshold = oracle.max_box_acc(ious, wanted)
            assert best.hits / accuracy.images == share
            assert best.threshold == pytest.approx(threshold, abs=1e-12)
            assert accuracy.hits[IOUS.index(wanted), best.level] == best.hits


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=5))
def test_box_accuracy_is_the_same_for_any_split(sizes):
    rng = np.random.default_rng(sum(sizes))
    hits = rng.random((sum(sizes), 3, LEVELS)) < 0.5
    whole = BoxAccuracy()
    whole.update(hits)
    parts = []
    for part in np.split(hits, np.cumsum(sizes)[:-1]):
        parts.append(BoxAccuracy())
        parts[-1].update(part)
    merged = BoxAccuracy()
    for accuracy in reversed(parts):
        merged.merge(accuracy)
    assert merged.images == whole.images == sum(sizes)
    assert (merged.hits == whole.hits).all() and merged.compute() == whole.compute()
    assert (whole.hits == [[sum(h[i, j] for h in hits) for j in range(LEVELS)] for i in range(3)]
            ).all()  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(hnp.arrays(np.float64, (3, 6, 6), elements=st.floats(0, 1)), st.integers(0, 2**32))
def test_pxap_is_the_published_one_for_any_split(maps, seed):
    masks = np.random.default_rng(seed).random(maps.shape) < 0.4
    masks[0, 0, 0] = True
    whole, merged = PixelPrecision(), PixelPrecision()
    for scores, mask in zip(maps, masks, strict=True):
        own = PixelPrecision()
        own.update(score_bins(scores), mask)
        whole.update(score_bins(scores), mask)
        own.merge(merged)
        merged = own
    expected = oracle.pxap(list(maps), list(masks))
    # The published sum leaves out the highest bin, [2, 3), which holds no score.
    assert whole.compute() == pytest.approx(expected, abs=1e-12)
    assert merged.compute() == whole.compute() and merged.images == 3


def test_bins_are_numpys():
    exact = np.append(np.arange(0, 1, 0.001), 1.0)
    near = np.concatenate([exact, np.nextafter(exact, 0), np.nextafter(exact[:-1], 1)])
    edges = np.append(np.arange(0, 1, 0.001), [1.0, 2.0, 3.0])
    counts = np.bincount(score_bins(near), minlength=1002)
    np.testing.assert_array_equal(counts, np.histogram(near, edges)[0])


def test_a_hand_worked_pxap():
    precision = PixelPrecision()
    scores = np.array([[1.0, 0.5], [0.25, 0.0]])
    precision.update(score_bins(scores), np.array([[True, False], [True, False]]))
    # Recall 1/2 at precision 1, then the other half at precision 2/3.
    assert precision.compute() == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert math.isnan(PixelPrecision().compute())


@pytest.mark.parametrize("bad", [-0.1, 1.5, np.nan])
def test_scores_outside_0_and_1_are_refused(bad):
    scores = np.array([[0.0, 1.0], [bad, 0.5]])
    with pytest.raises(AuditError, match="normalise"):
        score_bins(scores)
    with pytest.raises(AuditError, match="normalise"):
        level_hits(scores, np.array([[0, 0, 1, 1]]))


def test_a_map_that_does_not_reach_1_is_refused():
    with pytest.raises(AuditError, match="from 0 to 1"):
        level_hits(np.array([[0.0, 0.5]]), np.array([[0, 0, 0, 0]]))


def test_no_true_box_is_refused():
    with pytest.raises(AuditError, match="at least one true box"):
        level_hits(np.eye(4), np.zeros((0, 4), dtype=np.int64))


def test_boxes_are_placed_in_the_view():
    """200 x 100, resized to 100 x 50, the central 40 x 40 at (30, 5)."""
    placement = place(200, 100, 50, 40)
    given_boxes = [
        [80, 20, 121, 61],  # 10, 5, 30.5, 25.5
        [0, 0, 200, 100],  # clipped to the view
        [0, 0, 60, 100],  # ends where the view begins
        [140, 10, 150, 50],  # begins where the view ends
        [100, 50, 100, 60],  # no width
        [90, 40, math.nan, 60],
    ]
    expected = [[10, 5, 30, 25], [0, 0, 39, 39]]
    assert placement.to_view(given_boxes).tolist() == expected
    assert placement.to_view([]).shape == (0, 4)
