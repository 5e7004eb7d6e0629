"""Groups and their weights against plain counting, and input that is not theirs."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import AuditError
from tasks.training.groups import (
    empty_groups,
    group_sizes,
    group_weights,
    small_ones_joined,
    suggested_groups,
    tag_groups,
    worst_group,
)

LABELS = ["mug", "mug", "fish", "fish"]
TAGS = [{"on": "planks"}, {"on": "water", "by": "night"}, {}, {"on": "planks"}]


def test_groups_by_a_tag() -> None:
    assert tag_groups(LABELS, TAGS, "on") == (
        "mug|planks", "mug|water", "fish|not told", "fish|planks",
    )  # fmt: skip


def test_a_tag_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(AuditError, match=r"no image has a tag 'where'.*known tags: by, on"):
        tag_groups(LABELS, TAGS, "where")
    with pytest.raises(AuditError, match=r"known tags: none"):
        tag_groups(["mug"], [{}], "on")


def test_groups_of_a_list_of_suggestions() -> None:
    suggested = {"b": "mug|water", "c": "", "elsewhere": "key|sand"}
    told = suggested_groups(["a", "b", "c", "d"], LABELS, suggested)
    assert told == ("mug|not told", "mug|water", "fish|not told", "fish|not told")


def test_suggestions_for_other_images_are_refused() -> None:
    with pytest.raises(AuditError, match=r"the group of none of the 2 images.*'elsewhere'"):
        suggested_groups(["a", "b"], ["mug", "mug"], {"elsewhere": "mug|water"})
    with pytest.raises(AuditError, match=r"got for example None"):
        suggested_groups(["a"], ["mug"], {})


def test_small_groups_join_what_is_not_told_or_the_largest() -> None:
    groups = ["m|a"] * 3 + ["m|b"] * 1 + ["m|not told"] * 1 + ["f|a"] * 3 + ["f|b", "f|c"]
    labels = ["m"] * 5 + ["f"] * 5
    joined = small_ones_joined(groups, labels, 3)
    # m: one and one are two, too few; f: one and one are two, too few.
    assert joined == ("m|a",) * 5 + ("f|a",) * 5
    assert small_ones_joined(groups, labels, 2) == (
        *["m|a"] * 3, *["m|not told"] * 2, *["f|a"] * 3, *["f|not told"] * 2,
    )  # fmt: skip
    assert small_ones_joined(groups, labels, 1) == tuple(groups)
    assert small_ones_joined(["m|a", "m|b"], ["m", "m"], 3) == ("m|not told",) * 2


def test_sizes_and_what_is_missing() -> None:
    groups = ["mug|on|water", "mug|on|planks", "mug|on|water", "fish|water", "key|not told", "odd"]
    assert group_sizes(groups) == {
        "fish|water": 1, "key|not told": 1, "mug|on|planks": 1, "mug|on|water": 2, "odd": 1,
    }  # fmt: skip
    assert empty_groups(groups) == ("fish|planks", "key|planks", "key|water")
    assert empty_groups([]) == ()


drawn = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=1)


@given(drawn)
def test_weights_are_the_formula_in_fractions(images: list[tuple[str, str]]) -> None:
    groups = ["|".join(image) for image in images]
    labels = [label for label, _ in images]
    for i, weight in enumerate(group_weights(groups)):
        of_group = groups.count(groups[i])
        assert weight == pytest.approx(float(Fraction(len(groups), len(set(groups)) * of_group)))
    for i, weight in enumerate(group_weights(groups, labels)):
        own = [g for g, label in zip(groups, labels, strict=True) if label == labels[i]]
        assert weight == pytest.approx(
            float(Fraction(len(own), len(set(own)) * own.count(groups[i])))
        )


@given(drawn)
def test_every_group_has_the_same_say_and_every_label_keeps_its_own(
    images: list[tuple[str, str]],
) -> None:
    groups = np.array(["|".join(image) for image in images])
    labels = np.array([label for label, _ in images])
    say = group_weights(groups.tolist())
    sums = [say[groups == name].sum() for name in set(groups)]
    np.testing.assert_allclose(sums, sums[0])
    assert say.mean() == pytest.approx(1)
    within = group_weights(groups.tolist(), labels.tolist())
    for label in set(labels):
        assert within[labels == label].mean() == pytest.approx(1)


def test_the_worst_group() -> None:
    groups = ["b", "a", "b", "a", "c"]
    assert worst_group([True, False, False, True, True], groups) == ("a", 0.5, 2)
    assert worst_group([False] * 5, groups) == ("a", 0.0, 2)


def test_no_images_and_other_lengths_are_refused() -> None:
    with pytest.raises(AuditError, match=r"no image to weigh"):
        group_weights([])
    with pytest.raises(AuditError, match=r"no image to tell"):
        worst_group([], [])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        group_weights(["a", "b"], ["c"])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        worst_group([True], ["a", "b"])
