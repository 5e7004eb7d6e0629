"""Groups of images that a model should serve alike: a label with what it must not go by."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tasks.errors import AuditError

UNTOLD = "not told"  # an image without a value of the tag


def tag_groups(
    labels: Sequence[str], tags: Sequence[Mapping[str, str]], tag: str
) -> tuple[str, ...]:
    """The group of each image, `<label>|<value of the tag>`; images without a value share
    `<label>|not told`.

    labels : class name of each image
    tags : tags of each image, value by name

    Raises: AuditError for a tag that no image has.
    """
    groups = tuple(
        f"{label}|{own.get(tag, UNTOLD)}" for label, own in zip(labels, tags, strict=True)
    )
    if not any(tag in own for own in tags):
        known = sorted({name for own in tags for name in own})
        raise AuditError(
            f"no image has a tag {tag!r} to group by; known tags: {', '.join(known) or 'none'}. "
            "Tags are the further columns of a manifest"
        )
    return groups


def suggested_groups(
    uris: Sequence[str], labels: Sequence[str], suggested: Mapping[str, str]
) -> tuple[str, ...]:
    """The group of each image that a list of suggestions names; `<label>|not told` for others.

    uris : of the images; suggested : group by uri; an empty group is none

    Raises: AuditError where the list names the group of none of the images.
    """
    groups = tuple(
        suggested.get(uri) or f"{label}|{UNTOLD}" for uri, label in zip(uris, labels, strict=True)
    )
    if not any(suggested.get(uri) for uri in uris):
        raise AuditError(
            f"the suggestions name the group of none of the {len(groups)} images; expected their "
            f"uris, got for example {next(iter(suggested), None)!r}. Write the list with camaudit "
            "suggest, from an audit of these images"
        )
    return groups


def small_ones_joined(groups: Sequence[str], labels: Sequence[str], fewest: int) -> tuple[str, ...]:
    """Groups of fewer than `fewest` images become `<label>|not told`; where that stays as small,
    its images join the largest other group of their label, the first of equal ones.

    A list of suggestions tells groups of many findings, each of a few examples; the smallest would
    decide how many of each group there are to learn from.

    groups, labels : of each image
    """
    sizes = group_sizes(groups)
    rest = [f"{label}|{UNTOLD}" for label in labels]
    kept = tuple(
        group if sizes[group] >= fewest else other
        for group, other in zip(groups, rest, strict=True)
    )
    pairs = Counter(zip(labels, kept, strict=True))
    sizes = group_sizes(kept)
    largest = {
        label: min((-count, group) for (own, group), count in pairs.items() if own == label)[1]
        for label in set(labels)
    }
    return tuple(
        largest[label] if group == other and sizes[group] < fewest else group
        for group, other, label in zip(kept, rest, labels, strict=True)
    )


def group_sizes(groups: Sequence[str]) -> dict[str, int]:
    """Images of each group, in the order of their names."""
    return dict(sorted(Counter(groups).items()))


def empty_groups(groups: Sequence[str]) -> tuple[str, ...]:
    """The groups `<label>|<value>` that no image is in, though both the label and the value occur:
    what would have to be collected. Groups of another form, and what is not told, miss nothing."""
    parted = {tuple(group.rsplit("|", 1)) for group in groups if "|" in group}
    labels = sorted({label for label, _ in parted})
    values = sorted({value for _, value in parted} - {UNTOLD})
    return tuple(
        f"{label}|{value}" for label in labels for value in values if (label, value) not in parted
    )


def group_weights(
    groups: Sequence[str], within: Sequence[str] | None = None
) -> npt.NDArray[np.float64]:
    """Weights that give every group the same say: N / (G n_g), for N images in G groups, n_g in
    the image's own (the reweighting of Sagawa et al., arXiv:2005.04345).

    groups : of each image
    within : of each image what its groups are parts of (its label); the groups of one are then
        evened among themselves, and no class gains on another. None: all are evened

    Returns: float64, shape (N,), > 0; mean 1 over all images, and over those of each `within`.

    Raises: AuditError without images; ValueError where the lengths differ.
    """
    if not len(groups):
        raise AuditError("there is no image to weigh; expected at least one with a group")
    parts = ["all"] * len(groups) if within is None else list(within)
    pairs = list(zip(parts, groups, strict=True))
    sizes, images = Counter(pairs), Counter(parts)
    kinds = Counter(part for part, _ in sizes)
    return np.array([images[part] / (kinds[part] * sizes[part, group]) for part, group in pairs])


def worst_group(correct: Sequence[bool], groups: Sequence[str]) -> tuple[str, float, int]:
    """The group with the lowest accuracy, its accuracy in [0, 1] and its images; of equal ones
    the first by name.

    Raises: AuditError without images; ValueError where the lengths differ.
    """
    if not len(groups):
        raise AuditError("there is no image to tell the worst group by; expected at least one")
    right = Counter(group for group, hit in zip(groups, correct, strict=True) if hit)
    sizes = group_sizes(groups)
    worst = min(sizes, key=lambda group: right[group] / sizes[group])
    return worst, right[worst] / sizes[worst], sizes[worst]
