"""Random samples with known inclusion probabilities, that hardly change with the images."""

import numpy as np
import numpy.typing as npt

from tasks.statistics.seeded_hash import hash_ids

Ids = npt.NDArray[np.int64]

_STREAM = 2  # of the hash: others draw by the same ids and seeds, and must draw other images


def stratified_sample(image_ids: Ids, labels: Ids, size: int, seed: int) -> Ids:
    """A systematic sample from images in random order within each label (Cochran 1977, section
    8.3): every image is drawn with the same probability, and each label gets its share of
    `size`, rounded up or down.

    Which images those are is told by their ids: those of a label with the lowest hash. With an
    image more or less, only the few labels whose share is rounded another way draw another one.

    image_ids, labels : shape (N,); unknown labels (-1) are a stratum of their own

    Returns: sorted image_ids, min(size, N) of them.
    """
    size = min(size, len(image_ids))
    if not size:
        return image_ids[:0]
    order = np.lexsort((hash_ids(image_ids, (seed << 8) + _STREAM), labels))
    ordered = labels[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    images = np.append(first[1:], len(order)) - first
    # The places i + start, i = 0, 1, ..., on the line of all shares, that lie in those of a label.
    start = np.random.default_rng(seed).random()
    ends = np.append(0, np.cumsum(images)) * size / len(image_ids)
    places = np.ceil(ends - start).astype(np.int64)
    shares = places[1:] - places[:-1]
    ranks = np.arange(shares.sum()) - np.repeat(np.cumsum(shares) - shares, shares)
    return np.sort(image_ids[order[np.repeat(first, shares) + ranks]])
