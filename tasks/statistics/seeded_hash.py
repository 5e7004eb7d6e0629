"""Which images are drawn, told from their ids alone: no order and no shard has a say in it."""

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]

_HALVES_SEED = 1


def hash_ids(image_ids: Ids, seed: int) -> npt.NDArray[np.uint64]:
    """SplitMix64 (Steele, Lea, Flood 2014, figure 16) of every id, the seed as its stream.

    image_ids : int64, any shape

    Returns: uint64, same shape; different for different ids.
    """
    golden = 0x9E3779B97F4A7C15
    start = np.uint64((seed * 0xD1342543DE82EF95 + golden) % 2**64)
    state = image_ids.astype(np.uint64) * np.uint64(golden) + start
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def draw_ids(image_ids: Ids, size: int, seed: int) -> Ids:
    """`size` of the ids, or all where there are fewer, in an order drawn at random.

    An image that is drawn stays drawn when images are removed, and mostly when some are added.
    """
    return image_ids[np.argsort(hash_ids(image_ids, seed))][:size]


def in_discovery_half(image_ids: Ids) -> npt.NDArray[np.bool_]:
    """True for the half of the images on which risks are discovered; the others test them.

    The half of an image depends on its id alone, so it is kept when images are added.
    """
    return hash_ids(image_ids, _HALVES_SEED) >> np.uint64(63) == 0
