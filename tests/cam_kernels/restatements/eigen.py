"""Eigen-CAM by numpy's singular value decomposition of each image's matrix."""

import numpy as np

from tests.reference import Floats


def eigencam_map(values: Floats) -> Floats:
    """X v_1 with X (positions, channels), not centred (arXiv:2008.00299).

    The sign: a positive inner product with the sum of the channels.
    """
    maps = np.zeros((len(values), *values.shape[2:]))
    for n, image in enumerate(values):
        matrix = np.array(
            [[channel[i, j] for channel in image] for i, j in np.ndindex(maps[n].shape)]
        )
        _, _, rows = np.linalg.svd(matrix, full_matrices=False)
        projection = matrix @ rows[0]
        if float(projection @ matrix.sum(axis=1)) < 0:
            projection = -projection
        maps[n] = projection.reshape(maps[n].shape)
    return maps
