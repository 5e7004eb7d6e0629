"""Random samples whose inclusion probabilities are known."""

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]


def stratified_sample(image_ids: Ids, labels: Ids, size: int, seed: int) -> Ids:
    """A systematic sample from images in random order within each label (Cochran 1977, section
    8.3): every image is drawn with the same probability, and each label gets its share of
    `size`, rounded up or down.

    image_ids, labels : shape (N,); unknown labels (-1) are a stratum of their own

    Returns: sorted image_ids, min(size, N) of them.
    """
    generator = np.random.default_rng(seed)
    by_id = np.argsort(image_ids, kind="stable")
    ids, strata = image_ids[by_id], labels[by_id]
    order = np.lexsort((generator.random(len(ids)), strata))
    size = min(size, len(ids))
    places = (generator.random() + np.arange(size)) * len(ids) / size
    return np.sort(ids[order[places.astype(np.int64)]])
