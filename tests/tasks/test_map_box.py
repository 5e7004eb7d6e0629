"""The box of a map against a flood fill, and the square around a box."""

from collections import deque

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.representation.map_box import Box, map_box, mask_box, square_around


def flooded(raw: np.ndarray, side: int) -> Box:
    """Pixels above a fifth, joined by sides and corners, the largest part, in plain loops."""
    large = cv2.resize(raw.astype(np.float64), (side, side), interpolation=cv2.INTER_LINEAR)
    left_over = {(y, x) for y in range(side) for x in range(side)
                 if large[y, x] > 0.2 * large.max()}  # fmt: skip
    parts = []
    for start in sorted(left_over):
        if start not in left_over:
            continue
        left_over.discard(start)
        part, queue = [start], deque([start])
        while queue:
            y, x = queue.popleft()
            for near in ((y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)):
                if near in left_over:
                    left_over.discard(near)
                    part.append(near)
                    queue.append(near)
        parts.append(part)
    largest = max(parts, key=len)  # the first of equals
    rows, cols = [y for y, _ in largest], [x for _, x in largest]
    return min(rows), min(cols), max(rows) + 1, max(cols) + 1


maps = st.lists(st.lists(st.integers(-3, 9), min_size=4, max_size=4), min_size=3, max_size=3)


@settings(max_examples=60, deadline=None)
@given(maps.filter(lambda m: max(map(max, m)) > 0))
def test_it_is_the_largest_part_of_a_flood_fill(rows: list[list[int]]) -> None:
    raw = np.array(rows, dtype=np.float32)
    assert map_box(raw, 24) == flooded(raw, 24)


def test_one_cell_of_a_coarse_map() -> None:
    raw = np.zeros((4, 4), np.float32)
    raw[1, 2] = 5e-30
    # Bilinear with centres at 4, 12, 20, 28: 0.2 is met 0.8 of 8 pixels from the centres (12, 20).
    # The largest pixel lies half a pixel off the centre both ways, at (1 - 1/16)^2 of the peak.
    top, left, bottom, right = map_box(raw, 32) or (0, 0, 0, 0)
    peak = (15 / 16) ** 2
    inside = [
        y for y in range(32) if max(0, 1 - abs(y + 0.5 - 12) / 8) * (15 / 16) > 0.2 * peak
    ]  # fmt: skip
    assert (top, bottom) == (inside[0], inside[-1] + 1)
    assert (left, right) == (inside[0] + 8, inside[-1] + 9)


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_a_map_without_evidence_has_no_box(value: float) -> None:
    assert map_box(np.full((3, 3), value, np.float32), 30) is None


def test_the_box_of_a_mask() -> None:
    mask = np.zeros((9, 7), dtype=bool)
    assert mask_box(mask) is None
    mask[2, 5] = mask[6, 1] = True
    assert mask_box(mask) == (2, 1, 7, 6)


@given(
    st.integers(1, 60), st.integers(1, 60),
    st.tuples(st.floats(0, 0.99), st.floats(0, 0.99), st.floats(0, 1), st.floats(0, 1)),
)  # fmt: skip
def test_the_square_lies_in_the_image_around_the_box(
    height: int, width: int, shares: tuple[float, float, float, float]
) -> None:
    top, left = int(shares[0] * height), int(shares[1] * width)
    bottom = top + 1 + int(shares[2] * (height - top - 1))
    right = left + 1 + int(shares[3] * (width - left - 1))
    y0, x0, y1, x1 = square_around((top, left, bottom, right), height, width)
    side = min(max(bottom - top, right - left), height, width)
    assert (y1 - y0, x1 - x0) == (side, side)
    assert min(y0, x0) >= 0 and y1 <= height and x1 <= width
    # Whatever of the box fits is kept, and none is nearer to its middle.
    for low, high, start, size in ((top, bottom, y0, height), (left, right, x0, width)):
        if high - low <= side:
            assert start <= low and high <= start + side
        off = [abs((low + high) / 2 - (s + side / 2)) for s in range(size - side + 1)]
        assert abs((low + high) / 2 - (start + side / 2)) == pytest.approx(min(off))
