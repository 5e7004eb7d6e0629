"""Shares of groups of images from the tested ones, with intervals.

What an interval speaks of is the classifier on images such as these (a superpopulation), not these
images alone: with all of them tested it is Wilson's interval on all, not a point. The certain and
the sampled images then agree: as the sample grows to all, so the interval shrinks to Wilson's.
"""

import numpy as np

from tasks.findings.cells import Cells, Estimates, Floats
from tasks.statistics.intervals import Z_95

# Added to each cell, half of them ones, before its variance is taken: what the centre of Wilson's
# interval adds (Agresti and Coull 1998). A cell of two equal answers is not without spread.
PSEUDO_IMAGES = Z_95**2


def weighted_share(cells: Cells, untested: float = 0.0) -> Estimates:
    """The mean of values in [0, 1] over all images of each group, tested or not.

    The estimate weights each cell by its images: Horvitz-Thompson, post-stratified (Holt and Smith
    1979). The interval is Wilson's score interval at the effective number of images (Korn and
    Graubard 1998): sampling a cell multiplies its part of the variance by images / tested. Values
    between 0 and 1 vary less than answers of 0 or 1 do, so for those it is too wide, never too
    narrow. It never leaves what remains possible whatever the untested images are.

    Why this one: tests/tasks/test_findings_coverage.py.

    untested : stands in the estimate for a cell of which no image was tested; the interval takes
        everything from 0 to 1 for possible
    """
    low = np.maximum(
        _score_interval(cells, cells.means(0.0))[0],
        _wilson(_extreme(cells, 0.0), _images(cells))[0],
    )
    high = np.minimum(
        _score_interval(cells, cells.means(1.0))[1],
        _wilson(_extreme(cells, 1.0), _images(cells))[1],
    )
    tested = cells.tested.sum(axis=1) > 0
    value = np.where(tested, (cells.shares * cells.means(untested)).sum(axis=1), np.nan)
    some = _images(cells) > 0
    return Estimates(value, np.where(some, low, np.nan), np.where(some, high, np.nan))


def _score_interval(cells: Cells, means: Floats) -> tuple[Floats, Floats]:
    share = cells.shares
    smooth = (cells.effective * means + PSEUDO_IMAGES / 2) / (cells.effective + PSEUDO_IMAGES)
    smooth = np.where(cells.tested > 0, smooth, means)
    centre = (share * smooth).sum(axis=1)
    spread = centre * (1 - centre)
    sampled = (share**2 * smooth * (1 - smooth) * cells.left_out).sum(axis=1)
    # Without spread all cells are unknown and taken for 0 or for 1: nothing was sampled.
    relative = np.where(spread > 0, sampled / np.where(spread > 0, spread, 1), 0)
    return _wilson((share * means).sum(axis=1), 1 / (1 / np.maximum(_images(cells), 1) + relative))


def _extreme(cells: Cells, value: float) -> Floats:
    """The share if all untested images had this value."""
    untested = cells.images - cells.tested
    return (cells.total + value * untested).sum(axis=1) / np.maximum(_images(cells), 1)


def _images(cells: Cells) -> Floats:
    return cells.images.sum(axis=1)


def _wilson(rate: Floats, trials: Floats) -> tuple[Floats, Floats]:
    """Wilson's score interval (Brown, Cai and DasGupta 2001, eq. 4) of a rate already divided."""
    n = np.maximum(trials, 1e-12)
    centre = (rate + Z_95**2 / (2 * n)) / (1 + Z_95**2 / n)
    inside = np.clip(rate * (1 - rate), 0, None) / n + Z_95**2 / (4 * n**2)
    half = Z_95 / (1 + Z_95**2 / n) * np.sqrt(inside)
    # Rounding must not leave the rate itself outside: at 0 the bound is 0.
    return np.clip(centre - half, 0, rate), np.clip(centre + half, rate, 1)
