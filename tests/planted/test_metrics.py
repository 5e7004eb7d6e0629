"""The benchmark's figures against values worked out by hand or in plain loops."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.planted.arms import ARMS
from tests.planted.metrics import auroc, auroc_interval, intervals, precision, precision_at, recall
from tests.planted.ranks import (
    class_ranks,
    confirmed_classes,
    context_ranks,
    second_pass_ranks,
    tag_ranks,
    taken_up,
    untagged_ranks,
    worst_group,
    worst_group_found,
)

FISH, KEY, MUG, MUSHROOM, SAILBOAT, UMBRELLA = range(6)


def mistakes(count: int = 60, seed: int = 0) -> pd.DataFrame:
    """Mistakes with ties in reliance and some untested."""
    rng = np.random.default_rng(seed)
    tested = rng.random(count) < 0.7
    return pd.DataFrame(
        {
            "image_id": rng.permutation(count),
            "label": rng.integers(0, 3, count),
            "predicted": rng.integers(3, 6, count),
            "driven": rng.random(count) < 0.4,
            "tested": tested,
            "reliance": np.where(tested, rng.integers(0, 6, count) / 5, np.nan),
            "score": rng.integers(0, 8, count) / 7,
            "verdict": np.where(rng.random(count) < 0.5, "confirmed", "undetermined"),
        }
    )


def findings(*rows: tuple) -> pd.DataFrame:
    """Findings in order of rank: (kind, label, predicted, subject, confirmed)."""
    columns = ["kind", "label", "predicted", "subject", "confirmed"]
    return pd.DataFrame(rows, columns=columns).assign(rank=range(len(rows)))


def test_auroc_is_the_share_of_pairs_in_the_right_order():
    table = mistakes()
    pairs = [
        (d, o)
        for d in table.loc[table.driven, "reliance"].dropna()
        for o in table.loc[~table.driven, "reliance"].dropna()
    ]
    expected = sum(1.0 if d > o else 0.5 if d == o else 0.0 for d, o in pairs) / len(pairs)
    found = auroc(table, "reliance")
    assert found.value == pytest.approx(expected)
    assert found.driven * found.others == len(pairs)


def test_auroc_of_one_kind_alone_is_unknown_but_counted():
    table = mistakes().assign(driven=False)
    found = auroc(table, "score")
    assert np.isnan(found.value)
    assert (found.driven, found.others) == (0, len(table))


def test_the_interval_of_auroc_is_that_of_a_plain_bootstrap():
    table = mistakes(200).dropna()
    driven, others = table[table.driven], table[~table.driven]
    rng = np.random.default_rng(7)
    areas = []
    for _ in range(400):
        drawn = pd.concat([part.iloc[rng.integers(len(part), size=len(part))]
                           for part in (driven, others)])  # fmt: skip
        areas.append(auroc(drawn, "reliance").value)
    assert auroc_interval(table, "reliance") == pytest.approx(
        np.quantile(areas, (0.025, 0.975)), abs=0.02
    )
    assert np.isnan(auroc_interval(table.assign(driven=True), "reliance")).all()


def test_precision_ranks_tested_first_then_by_first_pass_then_by_id():
    table = mistakes()

    def place(row: pd.Series) -> tuple:
        key = row.reliance if row.tested else row.score
        return (not row.tested, -key, row.image_id)

    order = sorted((row for _, row in table.iterrows()), key=place)
    for k in (1, 10, 50, 60):
        expected = sum(row.driven for row in order[:k]) / k
        assert precision_at(table, k) == pytest.approx(expected)
    assert np.isnan(precision_at(table, 61))


def test_recall_counts_tested_and_precision_all_confirmed():
    table = mistakes()
    driven = [row for _, row in table.iterrows() if row.driven and row.tested]
    named = [row for _, row in table.iterrows() if row.verdict == "confirmed"]
    confirmed = [row for row in driven if row.verdict == "confirmed"]
    assert recall(table) == pytest.approx(len(confirmed) / len(driven))
    assert precision(table) == pytest.approx(sum(row.driven for row in named) / len(named))
    assert np.isnan(recall(table.assign(driven=False)))


def test_an_interval_is_held_against_the_share_of_its_own_group():
    table = mistakes().assign(driven=False)
    table.loc[(table.label == 1) & (table.predicted == 4), "driven"] = True
    stats = pd.DataFrame(
        [
            ("all", -1, -1, 5, 0.1, 0.0, 1.0),
            ("predicted", -1, 3, 5, 0.1, 0.0, 0.0),
            ("pair", 1, 4, 3, 0.9, 0.8, 0.95),
            ("pair", 1, 5, 0, None, None, None),
            ("slice", -1, -1, 5, 0.5, 0.4, 0.6),
        ],
        columns=[
            "group", "label", "predicted", "tested_mistakes",
            "driven_share", "driven_low", "driven_high",
        ],
    )  # fmt: skip
    found = intervals(stats, table)
    assert found.group.tolist() == ["all", "predicted", "pair"]
    assert found.true.tolist() == pytest.approx([table.driven.mean(), 0.0, 1.0])
    assert found.covered.tolist() == [True, True, False]


def test_planted_classes_and_cues_are_placed_where_they_are_first_named() -> None:
    arm = ARMS["tag"]
    table = findings(
        ("label", MUSHROOM, -1, "mistakes on mushroom", True),
        ("context", -1, KEY, "context 3 -> key", True),
        ("context", -1, SAILBOAT, "context 0 -> sailboat", False),
        ("pair", FISH, MUG, "fish -> mug", True),
        ("slice", -1, -1, "background = sand", True),
        ("predicted", -1, KEY, "mistakes into key", False),
        ("tag", -1, UMBRELLA, "tag = white -> umbrella", True),
        ("tag", -1, MUSHROOM, "tag = white -> mushroom", False),
        ("tag", -1, MUSHROOM, "tag = blue -> mushroom", True),
        ("tag", -1, SAILBOAT, "tag = blue -> sailboat", True),
        ("predicted", -1, MUG, "mistakes into mug", False),
    )
    assert class_ranks(arm, table) == {MUG: 3, MUSHROOM: 5, SAILBOAT: 2}
    assert untagged_ranks(arm, table) == {MUG: 3, MUSHROOM: None, SAILBOAT: 2}
    assert second_pass_ranks(arm, table) == {MUG: 1, MUSHROOM: None, SAILBOAT: None}
    assert tag_ranks(arm, table) == {MUG: None, MUSHROOM: 3, SAILBOAT: None}
    assert confirmed_classes(table) == ["label mistakes on mushroom", "pair fish -> mug"]


def test_a_class_without_enough_shortcut_mistakes_has_not_taken_its_cue_up():
    shortcut = pd.DataFrame(
        {"predicted": [MUG] * 3 + [MUSHROOM] * 2 + [KEY] * 95 + [MUG] * 50, "correct": False}
    )
    shortcut["shortcut"] = shortcut.index < 5
    shortcut.loc[100:, "correct"] = True
    assert taken_up(ARMS["texture"], shortcut) == [MUG]  # 3 of 100 mistakes, and 2
    assert taken_up(ARMS["clean"], shortcut) == []


def test_the_worst_group_is_the_least_right_of_those_large_enough():
    arm = ARMS["texture"]
    truth = pd.DataFrame(
        [(FISH, "planks", i < 2) for i in range(8)]
        + [(FISH, "sand", True)] * 9
        + [(KEY, "snow", False)] * 7,
        columns=["label", "cue", "correct"],
    )
    assert worst_group(truth) == (FISH, "planks")
    by_slice = ("slice", -1, -1, "background = planks")
    by_tag = ("tag", -1, SAILBOAT, "background = planks -> sailboat")
    by_pair = ("pair", FISH, MUG, "fish -> mug")
    other = ("pair", KEY, MUG, "key -> mug", True)
    for named in (by_slice, by_tag, by_pair):
        assert worst_group_found(arm, findings(other, (*named, True)), truth)
        assert not worst_group_found(arm, findings(other, (*named, False)), truth)
    assert not worst_group_found(replace(arm, planted={}), findings((*by_pair, True)), truth)


def test_a_context_cluster_is_named_by_what_most_exemplars_show():
    arm = ARMS["texture"]
    truth = pd.DataFrame({"image_id": range(6), "cue": ["planks"] * 3 + ["meadow"] * 3})
    clusters = pd.DataFrame({"cluster": [7, 8, 9], "exemplars": [[0, 1, 3], [3, 4], [0, 5]]})
    risks = pd.DataFrame(
        [(9, MUG, 0.5, 0.01), (7, MUG, 0.4, 0.02), (8, MUSHROOM, -0.2, 0.001)],
        columns=["cluster", "class_idx", "risk_difference", "q_value"],
    )
    assert context_ranks(arm, clusters, risks, truth) == {MUG: 2, MUSHROOM: None, SAILBOAT: None}
