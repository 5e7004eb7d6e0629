"""A half to learn on and a half to test on, with copies of an image on one side."""

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Array = npt.NDArray[np.float32]
Groups = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Cosine of features less their mean. Of photographs (mobilenet_v2) a copy saved again at JPEG
# quality 80 stays above 0.98, at 95 above 0.99; two different ones reach 0.81.
NEAR_EQUAL = 0.99
_ROWS_AT_ONCE = 4096
_MOST_PAIRS = 2**32


def near_equal_groups(pooled: npt.NDArray[np.float16], positive: Bools) -> Groups:
    """Which images are copies of each other: positives, and whatever is nearly equal to one.

    Equal features always make a group; nearly equal ones are looked for among at most 2^32 pairs
    of a positive and any image.

    pooled : float16, shape (N, K)
    positive : bool, shape (N,)

    Returns: int64, shape (N,), a number for each group.
    """
    whole_rows = np.ascontiguousarray(pooled).view(np.dtype((np.void, pooled[0].nbytes)))
    equal = np.unique(whole_rows.reshape(-1), return_inverse=True)[1].astype(np.int64)
    places = np.flatnonzero(positive)
    if len(places) * len(pooled) > _MOST_PAIRS:
        return equal
    mean = pooled.mean(axis=0, dtype=np.float64).astype(np.float32)
    of_positives = _unit_vectors(pooled[places], mean)
    left, right = [np.arange(len(pooled))], [len(pooled) + equal]
    for first in range(0, len(pooled), _ROWS_AT_ONCE):
        others = _unit_vectors(pooled[first : first + _ROWS_AT_ONCE], mean)
        rows, cols = np.nonzero(of_positives @ others.T >= NEAR_EQUAL)
        left.append(places[rows])
        right.append(first + cols)
    # Images, then one further node for each set of equal features.
    edges = (np.concatenate(left), np.concatenate(right))
    nodes = len(pooled) + int(equal.max()) + 1
    graph = coo_array((np.ones(len(edges[0]), dtype=np.int8), edges), shape=(nodes, nodes))
    _, groups = connected_components(graph, directed=False)
    return groups[: len(pooled)].astype(np.int64)


def _unit_vectors(pooled: npt.NDArray[np.float16], mean: Array) -> Array:
    centred = pooled.astype(np.float32) - mean
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.where(length > 0, centred / np.maximum(length, 1e-30), 0)


def hold_out_half(groups: Groups, positive: Bools, seed: int) -> Bools:
    """Draw half of the groups that hold a positive and half of the others, at random.

    groups : int64, shape (N,); images of one group stay together
    positive : bool, shape (N,)

    Returns: bool, shape (N,), True for held-out images.
    """
    names, members = np.unique(groups, return_inverse=True)
    members = members.reshape(-1)
    has_positive = np.bincount(members, weights=positive, minlength=len(names)) > 0
    generator = np.random.default_rng(seed)
    held_out = np.zeros(len(names), dtype=bool)
    for stratum in (has_positive, ~has_positive):
        places = generator.permutation(np.flatnonzero(stratum))
        held_out[places[len(places) // 2 :]] = True
    return held_out[members]
