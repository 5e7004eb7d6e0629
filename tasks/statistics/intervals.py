"""Confidence intervals."""

import numpy as np
import numpy.typing as npt

Z_95 = 1.959963984540054  # 97.5 % quantile of the standard normal

Floats = npt.NDArray[np.float64]


def wilson_interval(
    successes: npt.ArrayLike, trials: npt.ArrayLike, z: float = Z_95
) -> tuple[Floats, Floats]:
    """Wilson's score interval of a rate (Wilson 1927, eq. 4 of Brown, Cai, DasGupta 2001).

    successes, trials : integers of one shape, 0 <= successes <= trials

    Returns: lower and upper bound in [0, 1], float64, same shape; NaN where trials is 0.
    """
    n = np.asarray(trials, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.asarray(successes, dtype=np.float64) / n
        centre = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
