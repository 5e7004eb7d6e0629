"""Whose backgrounds are lent: a few images of each class."""

import numpy as np
import pandas as pd

# Eight gave a clean model a class that seemed to follow its few donors (docs/planted).
DONORS_PER_CLASS = 32
DONORS_PER_KIND = 2  # backgrounds of each of the two classes that a tested image is laid on
OTHER_DONORS = 4  # backgrounds of all other classes that it is laid on
LARGEST_OBJECT = 0.5  # what is behind a larger object would mostly be made up


def donor_pool(candidates: pd.DataFrame, seed: int) -> dict[int, list[int]]:
    """Image ids that lend their background, by class, at random among those whose object is not
    too large: correctly predicted images of the class; where they are too few, its mistakes; then
    images of other classes that were given this one.

    A correct prediction comes first because it is a background that the model takes for the
    class's that is to be tested.

    candidates : image_id, label, predicted, object_area
    """
    usable = candidates[candidates["object_area"] <= LARGEST_OBJECT].sort_values("image_id")
    shuffled = usable.sample(frac=1, random_state=np.random.default_rng(seed))
    wrong = shuffled["label"] != shuffled["predicted"]
    mistakes = shuffled[wrong]
    of_label = shuffled.assign(class_idx=shuffled["label"], rank=wrong.astype(int))
    of_prediction = mistakes.assign(class_idx=mistakes["predicted"], rank=2)
    both = pd.concat([of_label, of_prediction]).sort_values("rank", kind="stable")
    heads = both.groupby("class_idx", sort=True).head(DONORS_PER_CLASS)
    return {
        int(class_idx): ids.tolist() for class_idx, ids in heads.groupby("class_idx")["image_id"]
    }


def assign_donors(pool: list[int], image_id: int) -> list[int]:
    """DONORS_PER_KIND different donors of a pool for one image, never the image itself; fewer
    where the pool is smaller. Images take turns, so that none depends on one donor alone."""
    others = [donor for donor in pool if donor != image_id]
    start = image_id % len(others) if others else 0
    return (others[start:] + others[:start])[:DONORS_PER_KIND]


def other_donors(
    pool: dict[int, list[int]], labels: dict[int, int], tested: pd.DataFrame, seed: int
) -> list[list[int]]:
    """For each tested image OTHER_DONORS images of classes that are neither the predicted one nor
    the one that it is held against, each of another class as long as there are enough, and of one
    class each another image.

    Only images that carry their class as their label: one that was merely taken for it may be of
    the very class that the tested image is of.

    pool : of `donor_pool`
    labels : by image id, of every donor
    tested : image_id, predicted, against_idx
    """
    carried = {c: [i for i in ids if labels[i] == c] for c, ids in pool.items()}
    pool = {class_idx: ids for class_idx, ids in carried.items() if ids}
    classes = np.array(sorted(pool))
    chosen: list[list[int]] = []
    for image_id, *compared in tested[["image_id", "predicted", "against_idx"]].to_numpy().tolist():
        generator = np.random.default_rng([seed, image_id])
        others = classes[~np.isin(classes, compared)]
        if not len(others):
            chosen.append([])
            continue
        order = generator.permutation(others)[:OTHER_DONORS].tolist()
        first = {c: int(generator.integers(len(pool[c]))) for c in order}
        rounds = [
            (c, place // len(order)) for place, c in enumerate(np.resize(order, OTHER_DONORS))
        ]
        chosen.append([pool[c][(first[c] + again) % len(pool[c])] for c, again in rounds])
    return chosen
