"""Images that are one picture: copies, recompressed or resized."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt

# Measured on 500 photographs and 96 video frames: copies at JPEG quality 30 and above or half the
# size are within 5 bits (99.6 % within 4), different photographs 14 apart and more, frames of one
# video a third of a second apart 8 and more. Mean colours of such copies differ by 2.2 levels.
MOST_BITS = 4
MOST_LEVELS = 6
# Held at once; a thousand images have fewer, whatever they are.
MOST_PAIRS = 2**23

# 4 differing bits leave at least two of six bands as they are, 21 bits, and four of eight, 32, for
# 70 sorts instead of 15. Smooth pictures have no high frequencies, whose bits are all 0: of a
# million with 49 bits that vary 90 million pairs share two of six bands, 2 million four of eight.
_BANDS = (6, 8)

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Colours = npt.NDArray[np.uint8]


def near_duplicates(hashes: Hashes, colours: Colours) -> Ints:
    """For each image the one that stands for it: the first like it that stands for itself.

    Two images are alike where at most 4 bits of their hashes and at most 6 levels of each mean
    colour differ; where neither has structure (hash 0), where their mean colours are equal. Not
    the connected components of alike images: those joined a panning shot of 76 frames whose ends
    differ by 44 bits. This way every image left out is like the one that stands for it.

    hashes : shape (N,), uint64, in the order of image_id; colours : shape (N, 3), uint8

    Returns: int64, shape (N,): positions in the arguments, none above its own.
    """
    keyed = np.column_stack([hashes, colours.astype(np.uint64)])
    _, first, inverse = np.unique(keyed, axis=0, return_index=True, return_inverse=True)
    # Numbered anew in the order of their first images, so that a lower number is a lower image_id.
    order = np.argsort(first)
    first = first[order]
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    stands = _representatives(hashes[first], colours[first].astype(np.int16))
    representative: Ints = first[stands][number[inverse.reshape(-1)]]
    return representative


def _representatives(hashes: Hashes, colours: npt.NDArray[np.int16]) -> Ints:
    """Of many like images, as a camera that stands still gives, all pairs would not fit in memory.
    Those of a first half that stand for themselves then take theirs out of the second half, and
    what is left of it is a question of its own."""
    for bands in _BANDS:
        if _has_few_pairs(hashes, bands):
            return _by_pairs(hashes, colours, bands)
    half = len(hashes) // 2
    stands = np.arange(len(hashes))
    stands[:half] = _representatives(hashes[:half], colours[:half])
    first = np.flatnonzero(stands[:half] == np.arange(half))
    taken = _first_alike(hashes, colours, first, np.arange(half, len(hashes)))
    stands[half:] = np.where(taken >= 0, taken, stands[half:])
    left = half + np.flatnonzero(taken < 0)
    stands[left] = left[_representatives(hashes[left], colours[left])]
    return stands


def _has_few_pairs(hashes: Hashes, bands: int) -> bool:
    """Whether the pairs that share some bands, once for each of these, are at most MOST_PAIRS."""
    pairs = 0
    for blank in _blanks(hashes, bands):
        key = hashes[hashes > 0] & blank
        _, count = np.unique(key, return_counts=True)
        pairs += int((count * (count - 1) // 2).sum())
        if pairs > MOST_PAIRS:
            return False
    return True


def _first_alike(hashes: Hashes, colours: npt.NDArray[np.int16], lower: Ints, higher: Ints) -> Ints:
    """For each of `higher` the first of `lower` that it is like; -1 where there is none."""
    found = np.full(len(higher), len(hashes))
    lower, asked = lower[hashes[lower] > 0], np.flatnonzero(hashes[higher])
    for blank in _blanks(hashes, _BANDS[0]):
        of_lower, of_higher = hashes[lower] & blank, hashes[higher[asked]] & blank
        order = np.argsort(of_lower, kind="stable")
        start = np.searchsorted(of_lower[order], of_higher, side="left")
        stop = np.searchsorted(of_lower[order], of_higher, side="right")
        asking = np.flatnonzero(start < stop)
        while len(asking):
            i, place = lower[order[start[asking]]], asked[asking]
            like = _are_alike(hashes, colours, i, higher[place])
            found[place[like]] = np.minimum(found[place[like]], i[like])
            start[asking] += 1
            asking = asking[start[asking] < stop[asking]]
    return np.where(found < len(hashes), found, -1)


def _by_pairs(hashes: Hashes, colours: npt.NDArray[np.int16], bands: int) -> Ints:
    stands = np.arange(len(hashes))
    lower, higher = _alike_pairs(hashes, colours, bands)
    for at in np.lexsort((lower, higher)):
        i, j = lower[at], higher[at]
        if stands[i] == i and stands[j] == j:
            stands[j] = i
    return stands


def _are_alike(
    hashes: Hashes, colours: npt.NDArray[np.int16], i: Ints, j: Ints
) -> npt.NDArray[np.bool_]:
    alike: npt.NDArray[np.bool_] = np.bitwise_count(hashes[i] ^ hashes[j]) <= MOST_BITS
    return alike & (np.abs(colours[i] - colours[j]) <= MOST_LEVELS).all(axis=1)


def _alike_pairs(hashes: Hashes, colours: npt.NDArray[np.int16], bands: int) -> tuple[Ints, Ints]:
    """All pairs of alike images, the lower first; found through bands of the hash that are
    equal, so that their number and not its square counts."""
    structured = np.flatnonzero(hashes)
    found = [np.zeros((2, 0), dtype=np.int64)]
    for blank in _blanks(hashes, bands):
        key = hashes[structured] & blank
        order = np.argsort(key, kind="stable")
        key, members = key[order], structured[order]
        start, step = np.arange(len(key)), 0
        while len(start):
            # Each round asks only those whose key was still the same one place nearer.
            step += 1
            start = start[start + step < len(key)]
            start = start[key[start] == key[start + step]]
            i, j = members[start], members[start + step]
            alike = _are_alike(hashes, colours, i, j)
            found.append(np.stack([i[alike], j[alike]]))
    lower, higher = np.unique(np.sort(np.concatenate(found, axis=1), axis=0), axis=1)
    return lower, higher


def _blanks(hashes: Hashes, bands: int) -> Iterator[np.uint64]:
    """What blanks all but `bands` - MOST_BITS bands of a hash, in every choice of them. Bits are
    dealt out to the bands by how much they vary, so that all tell as much."""
    ones = np.array([np.count_nonzero(hashes & np.uint64(1 << bit)) for bit in range(64)])
    order = np.argsort(-ones * (len(hashes) - ones), kind="stable").tolist()
    masks = [sum(1 << bit for bit in order[band::bands]) for band in range(bands)]
    for chosen in combinations(masks, bands - MOST_BITS):
        yield np.uint64(sum(chosen))
