"""What stands out from the frame, on pictures whose things are known."""

import numpy as np
import pytest

from tasks.interventions.standing_out import standing_out
from tests.tasks import intervention_oracles as oracle

SIDE = 64
Y, X = np.mgrid[:SIDE, :SIDE]


def disc(row: float, col: float, radius: float) -> np.ndarray:
    return np.hypot(Y - row, X - col) <= radius


def picture(*discs: np.ndarray) -> np.ndarray:
    """Red discs on a green background, both speckled."""
    colours = np.full((SIDE, SIDE, 3), (60, 150, 70))
    for mask in discs:
        colours = np.where(mask[..., None], (200, 60, 50), colours)
    speckles = np.random.default_rng(1).integers(-20, 21, (SIDE, SIDE, 3))
    return (colours + speckles).astype(np.uint8)


def blob(row: float, col: float, spread: float) -> np.ndarray:
    return np.exp(-((Y - row) ** 2 + (X - col) ** 2) / (2 * spread**2)).astype(np.float32)


def test_a_small_thing_is_found_with_a_map_that_is_far_too_wide() -> None:
    mask = disc(20, 24, 6)
    found = standing_out(picture(mask), blob(30, 30, 16))
    assert found is not None and oracle.iou(found, mask) > 0.9


def test_of_two_things_the_map_tells_which() -> None:
    left, right = disc(30, 16, 9), disc(34, 46, 11)
    for wanted, col in ((left, 18), (right, 44)):
        found = standing_out(picture(left, right), blob(32, col, 7))
        assert found is not None and oracle.iou(found, wanted) > 0.9


@pytest.mark.parametrize(
    ("pixels", "label_map"),
    [
        (picture(disc(20, 20, 8)), blob(56, 56, 3)),  # the map speaks for the background
        (picture(disc(20, 20, 2)), blob(20, 20, 8)),  # under half a per cent of the view
        (picture(disc(32, 32, 29)), blob(32, 32, 16)),  # more than 60 %
        (np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8),
         blob(32, 32, 12)),
        (np.full((SIDE, SIDE, 3), 90, np.uint8), blob(32, 32, 12)),
    ],
    ids=["elsewhere", "speck", "all", "noise", "flat"],
)  # fmt: skip
def test_nothing_is_claimed_where_nothing_is_clear(
    pixels: np.ndarray, label_map: np.ndarray
) -> None:
    assert standing_out(pixels, label_map) is None


def test_a_view_too_small_for_two_frames_has_nothing() -> None:
    for side in (1, 2, 3):
        assert (
            standing_out(np.zeros((side, side, 3), np.uint8), np.ones((side, side), "f4")) is None
        )
