"""Interventions on any machine, on any layout of memory, and on input that is not theirs."""

import cv2
import numpy as np
import pytest

from tasks.interventions.fills import (
    background_blurred,
    background_mean,
    object_inpainted,
    object_mean,
    on_background,
)
from tests.tasks.intervention_oracles import disc, noise

REMOVALS = [object_inpainted, object_mean]
COLOUR = (120.0, 60.5, 7.0)


def test_the_same_with_any_number_of_threads_and_inputs_stay_as_they_are() -> None:
    pixels, mask = noise((160, 160)), disc(160, 60, 80, 30)
    untouched, before = pixels.copy(), mask.copy()
    threads = cv2.getNumThreads()
    results = []
    try:
        for count in (1, 2, 4):
            cv2.setNumThreads(count)
            results.append([f(pixels, mask) for f in [background_blurred, *REMOVALS]])
    finally:
        cv2.setNumThreads(threads)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    np.testing.assert_array_equal(pixels, untouched)
    np.testing.assert_array_equal(mask, before)


def test_views_that_are_not_contiguous() -> None:
    planes = np.ascontiguousarray(noise((40, 50)).transpose(2, 0, 1))
    mask = np.asfortranarray(disc(50, 20, 20, 9)[:40])
    strided = planes.transpose(1, 2, 0)
    for change in [background_blurred, *REMOVALS]:
        expected = change(np.ascontiguousarray(strided), np.ascontiguousarray(mask))
        np.testing.assert_array_equal(change(strided, mask), expected)


GOOD, HALF = noise((8, 8)), np.arange(64).reshape(8, 8) < 32


@pytest.mark.parametrize(
    ("pixels", "mask", "says"),
    [
        (GOOD, np.ones((8, 8), bool), "got all object"),
        (GOOD, np.zeros((8, 8), bool), "got all background"),
        (GOOD, HALF[:7], r"expected bool of shape \(8, 8\).* got bool of shape \(7, 8\)"),
        (GOOD, HALF.astype(np.uint8), "expected bool .* got uint8"),
        (GOOD / 255, HALF, "expected uint8 .* got float64"),
        (GOOD[..., 0], HALF, r"got uint8 of shape \(8, 8\)"),
        (GOOD[:0], HALF[:0], r"got uint8 of shape \(0, 8, 3\)"),
    ],
)
def test_bad_views_are_refused(pixels: np.ndarray, mask: np.ndarray, says: str) -> None:
    doors = [
        background_blurred,
        lambda p, m: background_mean(p, m, COLOUR),
        lambda p, m: on_background(p, m, GOOD),
        *REMOVALS,
    ]
    for door in doors:
        with pytest.raises(ValueError, match=says):
            door(pixels, mask)


@pytest.mark.parametrize("colour", [(1, 2), (1, 2, 256), (-1, 2, 3), (1, 2, np.nan), 7])
def test_bad_colours_are_refused(colour: object) -> None:
    with pytest.raises(ValueError, match="three numbers in"):
        background_mean(GOOD, HALF, colour)


@pytest.mark.parametrize("background", [GOOD[:7], GOOD.astype(float), GOOD[..., :2]])
def test_bad_backgrounds_are_refused(background: np.ndarray) -> None:
    with pytest.raises(ValueError, match="background: expected"):
        on_background(GOOD, HALF, background)
