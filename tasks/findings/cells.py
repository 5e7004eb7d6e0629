"""Groups of images, each split into cells in which images are tested with one probability."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.errors import AuditError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

CELLS = 4  # mistakes taken for certain, other mistakes, correct taken for certain, other correct


@dataclass(frozen=True)
class Cells:
    """What is known of the images of each group and cell; all of shape (groups, cells), float64.

    Cells are post-strata: how many images each holds is known, tested or not.

    images : in the cell
    tested : of those, with a value
    total : sum of the tested values
    mean : of the values, each weighted by 1 / inclusion (Hajek 1971); NaN where none is tested
    effective : as many tested images of equal weight would say as much (Kish 1965, eq. 11.7.6);
        equals `tested` where inclusion is the same for all
    deviations : weighted sum of squared deviations from `mean`, scaled to `effective` images
    """

    images: Floats
    tested: Floats
    total: Floats
    mean: Floats
    effective: Floats
    deviations: Floats

    @property
    def shares(self) -> Floats:
        """Each cell's share of its group's images; 0 for a group without images."""
        return self.images / np.maximum(self.images.sum(axis=1, keepdims=True), 1)

    @property
    def left_out(self) -> Floats:
        """1 / effective - 1 / images: what sampling adds to the variance of a cell's mean, in
        variances; 0 where all were tested and, for want of a number, where none was."""
        known = self.tested > 0
        effective = np.where(known, self.effective, 1)
        images = np.where(known, self.images, 1)
        return np.maximum(1 / effective - 1 / images, 0)

    def means(self, untested: float) -> Floats:
        """`mean`, with `untested` for a cell of which nothing is known."""
        return np.where(self.tested > 0, self.mean, untested)


@dataclass(frozen=True)
class Estimates:
    """One number per group with its 95 % interval; shape (groups,), float64.

    value : NaN where no image was tested
    low, high : NaN only where there is no image at all
    """

    value: Floats
    low: Floats
    high: Floats


def tally(
    group: npt.ArrayLike,
    correct: npt.ArrayLike,
    inclusion: npt.ArrayLike,
    values: npt.ArrayLike,
    groups: int,
) -> Cells:
    """Sum up the images of each group by cell, in the order in which they are given.

    group : integer in [0, groups), or -1 for an image of no group
    correct : bool
    inclusion : probability of being tested, in (0, 1]; NaN: not tested
    values : float; NaN where the test gave none. The values of untested images are not read

    Raises: AuditError for an inclusion outside (0, 1].
    """
    probability = _probabilities(inclusion)
    number = np.asarray(values, dtype=np.float64)
    member = np.asarray(group, dtype=np.int64)
    index = member * CELLS + 2 * np.asarray(correct, dtype=np.int64) + (probability != 1)
    inside = member >= 0
    tested = inside & ~np.isnan(probability) & ~np.isnan(number)
    index, here, number = index[inside], index[tested], number[tested]
    weight = 1 / probability[tested]

    def total(of: Integers, weights: Floats | None = None) -> Floats:
        return np.bincount(of, weights, groups * CELLS).astype(np.float64).reshape(groups, CELLS)

    known = total(here) > 0
    weights = np.where(known, total(here, weight), 1)
    mean = total(here, weight * number) / weights
    effective = np.where(known, weights**2 / np.where(known, total(here, weight**2), 1), 0)
    return Cells(
        images=total(index),
        tested=total(here),
        total=total(here, number),
        mean=np.where(known, mean, np.nan),
        effective=effective,
        deviations=effective * total(here, weight * (number - mean.flat[here]) ** 2) / weights,
    )


def _probabilities(inclusion: npt.ArrayLike) -> Floats:
    probability = np.asarray(inclusion, dtype=np.float64)
    wrong = probability[~(np.isnan(probability) | ((probability > 0) & (probability <= 1)))]
    if wrong.size:
        raise AuditError(
            f"inclusion is a probability in (0, 1], or missing for an untested image; got "
            f"{wrong[0]}. Draw the sample of the second pass again"
        )
    return probability
