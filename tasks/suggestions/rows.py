"""Single suggestions, with the reason of each in words."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tasks.suggestions.audited import Audited
from tasks.suggestions.cases import Case
from tasks.suggestions.contexts import Context
from tasks.suggestions.group_balance import Group


@dataclass(frozen=True)
class Suggestion:
    """place : of the image among the N; suggested : class index, -1 for none"""

    place: int
    action: str
    finding: str
    group: str
    weight: float
    reason: str
    suggested: int = -1


def group_name(label: str, context: Context | None, *, inside: bool) -> str:
    """'mug|background = planks', 'mug|not background = planks'; without a context 'mug'."""
    if context is None:
        return label
    return f"{label}|{'' if inside else 'not '}{context.name}"


def where(context: Context, *, inside: bool) -> str:
    return f"{'in' if inside else 'outside of'} {context.name}"


def to_augment(case: Case, audited: Audited) -> Iterator[Suggestion]:
    """The images that hang on the background, those that lean on it most first, then those that
    lent it."""
    images, finding = audited.images, case.finding
    hanging = images[case.hanging].sort_values(
        ["reliance", "image_id"], ascending=[False, True], na_position="last"
    )
    for place, row in hanging.iterrows():
        taken = audited.classes[row["predicted"]]
        if row["correct"]:
            why = "right, but by its background, as the second pass has shown"
        elif row["verdict"] == "confirmed":
            why = f"taken for {taken} by its background, as the second pass has shown"
        else:
            why = f"taken for {taken} {where(_known(case), inside=True)}"
        yield _suggestion(int(str(place)), "augment", case, audited, why)
    for place in np.flatnonzero(case.lending):
        name = audited.classes[finding["predicted"]]
        why = f"{name} {where(_known(case), inside=True)}, where others are taken for {name}"
        yield _suggestion(int(place), "augment", case, audited, why)


def to_collect(case: Case, audited: Audited) -> Iterator[Suggestion]:
    """The images of groups that are missing, the rarest group first, mistakes before others."""
    images = audited.images
    for group in sorted(case.groups, key=lambda g: -g.weight):
        if group.missing and group.images:
            side = _known(case).inside == group.inside
            chosen = images[side & (images["label"] == group.label).to_numpy(bool)]
            for place in chosen.sort_values(["correct", "image_id"]).index:
                words = in_words(group, case, audited)
                yield _suggestion(int(place), "collect", case, audited, words)


def in_words(group: Group, case: Case, audited: Audited) -> str:
    """What a group lacks: how many images of what."""
    name, place = audited.classes[group.label], where(_known(case), inside=group.inside)
    like = "there are elsewhere" if group.like < 0 else f"{audited.classes[group.like]} has there"
    return (
        f"{name} {place} has {group.images:,} images: collect {group.missing:,} more, "
        f"as many as {like} ({group.aim:,})"
    )


def _known(case: Case) -> Context:
    if case.context is None:
        raise ValueError(f"{case.finding['subject']} has no context: nothing stands in it")
    return case.context


def _suggestion(place: int, action: str, case: Case, audited: Audited, why: str) -> Suggestion:
    label = int(audited.images["label"].iloc[place])
    group = case.group_of(label, place)
    inside = group is not None and group.inside
    context = case.context if group else None
    name = group_name(audited.classes[label], context, inside=inside)
    weight = group.weight if group else 1.0
    told = f"{why}; train it on other backgrounds" if action == "augment" else why
    return Suggestion(place, action, case.finding["subject"], name, weight, told)
