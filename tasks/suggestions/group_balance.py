"""Groups of images by label and context, what they weigh, and how many are missing."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.suggestions.contexts import Context

# Above, a few images decide the training, and a large model knows them by heart instead (Byrd and
# Lipton 2019, arXiv:1812.03372): collecting more is the way then.
MOST_WEIGHT = 20.0
SHORT = 0.8  # a group with at least this share of what it should have is not missing


@dataclass(frozen=True)
class Group:
    """The images of one class in a context, or outside of it.

    images : how many
    weight : of each, at least 1
    aim : how many there should be
    like : class that has that many on this side of the context; -1: as many as elsewhere
    """

    label: int
    inside: bool
    images: int
    weight: float
    aim: int
    like: int

    @property
    def missing(self) -> int:
        return self.aim - self.images if self.images < SHORT * self.aim else 0


def balance(
    labels: npt.NDArray[np.int64], context: Context, classes: list[int], *, one_side: bool = False
) -> list[Group]:
    """The groups label x (in the context, outside of it) of a finding's classes.

    A group's weight is n_largest / n_group, at most MOST_WEIGHT: with it all groups count alike in
    the loss, whatever their sizes, which is reweighting by inverse group frequency (Sagawa et al.,
    arXiv:2005.04345, section 2, weights 1 / p(group)), scaled so that images of the largest group,
    and those that no finding is about, keep weight 1. Groups that are made equal in number
    (subsampling, ibid.; the balanced set of Kirichenko et al., arXiv:2204.02937) need none: there
    `aim` says how many there should be, which is as many as the largest class on the same side of
    the context has, since a context in which all classes are as frequent tells none.

    labels : int, shape (N,); context : of the same images
    classes : whose groups are meant
    one_side : only those in the context, each to be as many as in the other contexts on average

    Returns: in the order of `classes`, in the context first; a group without images has weight 1.
    """
    inside = {c: int((context.inside & (labels == c)).sum()) for c in classes}
    outside = {c: int((~context.inside & (labels == c)).sum()) for c in classes}
    sides = [(True, inside)] if one_side else [(True, inside), (False, outside)]
    spread = {c: round(number / context.others) for c, number in outside.items()}
    largest = max([n for _, side in sides for n in side.values()], default=0)
    found = []
    for is_inside, side in sides:
        like = max(classes, key=lambda c, side=side: (side[c], -c))  # type: ignore[misc]
        for c in classes:
            aim, whose = (spread[c], -1) if one_side else (side[like], like)
            top = max(side[c], spread[c]) if one_side else largest
            weight = min(top / side[c], MOST_WEIGHT) if side[c] else 1.0
            found.append(Group(c, is_inside, side[c], weight, aim, whose))
    return found
