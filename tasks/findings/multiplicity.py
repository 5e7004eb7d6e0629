"""Many tests at once."""

import numpy as np
import numpy.typing as npt
from scipy.stats import false_discovery_control

FALSE_DISCOVERY_RATE = 0.1


def q_values(p_values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """p-values adjusted by Benjamini and Hochberg (1995): calling all with q <= 0.1 true, at most a
    tenth of those calls are wrong on average.

    p_values : float, shape (n,), in [0, 1]; n may be 0

    Returns: float64, shape (n,), in [0, 1], in the same order.
    Raises: ValueError for a p-value outside [0, 1] or NaN.
    """
    numbers = np.asarray(p_values, dtype=np.float64)
    if not numbers.size:
        return numbers
    return np.asarray(false_discovery_control(numbers, method="bh"), dtype=np.float64)
