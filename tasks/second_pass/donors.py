"""Whose backgrounds are lent: a few images of each class."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.statistics.seeded_hash import hash_ids

Floats = npt.NDArray[np.float32]

# Eight gave a clean model a class that seemed to follow its few donors (docs/planted).
DONORS_PER_CLASS = 32
DONORS_PER_KIND = 2  # backgrounds of each of the two classes that a tested image is laid on
OTHER_DONORS = 4  # backgrounds of all other classes that it is laid on
CANDIDATES = 8  # for each donor that is wanted; with one, AUROC was 0.02 lower (docs/planted)
LARGEST_OBJECT = 0.5  # what is behind a larger object would mostly be made up
LENT_BY = ["image_id", "label", "predicted", "object_area"]
_ROWS_AT_ONCE = 2**16
_STREAM = 3  # of the hash: donors are drawn apart from the images that are tested


def donor_pool(candidates: pd.DataFrame, seed: int) -> dict[int, list[int]]:
    """Image ids that lend their background, by class, at random among those whose object is not
    too large: correctly predicted images of the class; where they are too few, its mistakes; then
    images of other classes that were given this one.

    A correct prediction comes first because it is a background that the model takes for the
    class's that is to be tested. The order at random is that of the hashed ids, so that an image
    more or less leaves the others of a pool in it.

    candidates : the columns LENT_BY
    """
    first = _lenders(candidates[:0], seed)
    for start in range(0, len(candidates), _ROWS_AT_ONCE):
        more = _lenders(candidates[start : start + _ROWS_AT_ONCE], seed)
        both = pd.concat([first, more]).sort_values(["rank", "hashed"])
        first = both.groupby("class_idx").head(DONORS_PER_CLASS)
    return {
        int(class_idx): ids.tolist()
        for class_idx, ids in first.groupby("class_idx", sort=True)["image_id"]
    }


def _lenders(candidates: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Columns image_id, class_idx, rank (of its kind, 0 comes first) and hashed."""
    usable = candidates[candidates["object_area"] <= LARGEST_OBJECT]
    hashed = hash_ids(usable["image_id"].to_numpy(np.int64), (seed << 8) + _STREAM)
    wrong = usable["label"] != usable["predicted"]
    shuffled = usable.assign(hashed=hashed)
    own = shuffled.assign(class_idx=usable["label"], rank=wrong.astype(int))
    mistakes = shuffled[wrong].assign(class_idx=usable["predicted"][wrong], rank=2)
    return pd.concat([own, mistakes])


def matching_donors(
    pool: list[int], image_id: int, count: int, cells: Mapping[int, Floats]
) -> list[int]:
    """`count` different donors of a pool for one image, never the image itself; fewer where the
    pool is smaller: of CANDIDATES times as many those of which the image's own object hides most,
    so that little is seen of what was made up behind theirs.

    Images take turns, so that none depends on a few donors alone.

    cells : by image_id, the object's share of each cell, as `object_cells` gives it
    """
    others = [donor for donor in pool if donor != image_id]
    start = image_id % len(others) if others else 0
    turn = (others[start:] + others[:start])[: CANDIDATES * count]
    seen = [float(cells[donor] @ (1 - cells[image_id])) for donor in turn]
    return [turn[place] for place in np.argsort(seen, kind="stable")[:count]]


def other_donors(
    pool: dict[int, list[int]],
    labels: dict[int, int],
    tested: pd.DataFrame,
    cells: Mapping[int, Floats],
    seed: int,
) -> list[list[int]]:
    """For each tested image OTHER_DONORS images of classes that are neither the predicted one nor
    the one that it is held against, each of another class as long as there are enough; fewer where
    these have too few images.

    Only images that carry their class as their label: one that was merely taken for it may be of
    the very class that the tested image is of.

    pool : of `donor_pool`
    labels : by image id, of every donor
    tested : image_id, predicted, against_idx
    cells : as of `matching_donors`
    """
    carried = {c: [i for i in ids if labels[i] == c] for c, ids in pool.items()}
    pool = {class_idx: ids for class_idx, ids in carried.items() if ids}
    classes = np.array(sorted(pool))
    chosen: list[list[int]] = []
    for image_id, *compared in tested[["image_id", "predicted", "against_idx"]].to_numpy().tolist():
        others = classes[~np.isin(classes, compared)]
        order = np.random.default_rng([seed, image_id]).permutation(others)
        places = Counter(np.resize(order, OTHER_DONORS).tolist()) if len(order) else {}
        of_classes = [matching_donors(pool[c], image_id, n, cells) for c, n in places.items()]
        chosen.append([donor for ids in of_classes for donor in ids])
    return chosen
