"""Where the planted class, the planted cue and the worst group stand among the findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from tasks.scenes import OBJECT_NAMES
from tests.planted.arms import Arm

# A class has taken its cue up where it drives at least this share of all mistakes, by truth: a
# third of what the search wants of the three planted classes together.
TAKEN_UP = 0.03
SMALLEST_GROUP = 8


def taken_up(arm: Arm, truth: pd.DataFrame) -> list[int]:
    """Planted classes whose shortcut the model really has."""
    towards = truth[truth["shortcut"]]["predicted"].value_counts()
    planted = [OBJECT_NAMES.index(name) for name in arm.planted]
    least = TAKEN_UP * (~truth["correct"]).sum()
    return [class_idx for class_idx in planted if towards.get(class_idx, 0) >= max(least, 1)]


def class_ranks(arm: Arm, findings: pd.DataFrame) -> dict[int, int | None]:
    """Place of each planted class among the classes that findings say mistakes go to, from 1.

    A class stands where the first finding about it stands: about mistakes into it, about a pair
    with it, about a tag or a context that raises it.
    """
    return _class_places(arm, _ranked(findings, "predicted", "pair", "tag", "context"))


def untagged_ranks(arm: Arm, findings: pd.DataFrame) -> dict[int, int | None]:
    """The same without what the tags say, as if the manifest had none."""
    return _class_places(arm, _ranked(findings, "predicted", "pair", "context"))


def second_pass_ranks(arm: Arm, findings: pd.DataFrame) -> dict[int, int | None]:
    """The same among the findings of the second pass alone."""
    return _class_places(arm, _ranked(findings, "predicted", "pair"))


def tag_ranks(arm: Arm, findings: pd.DataFrame) -> dict[int, int | None]:
    """Place of each planted class with its very cue among what tags draw answers to, from 1."""
    order = _ranked(findings, "tag")["subject"].tolist()
    return {
        OBJECT_NAMES.index(name): _place(order, f"{cue_column(arm)} = {cue} -> {name}")
        for name, cue in arm.planted.items()
    }


def context_ranks(
    arm: Arm, clusters: pd.DataFrame, risks: pd.DataFrame, truth: pd.DataFrame
) -> dict[int, int | None]:
    """Place, among the context clusters that raise a class, of the first that shows its cue.

    A cluster shows the cue that most of its exemplars have; None where no such cluster is listed.
    """
    cues = truth.set_index("image_id")["cue"]
    shown = {
        row.cluster: _majority([cues[image] for image in row.exemplars])
        for row in clusters.itertuples()
    }
    raising = risks[risks["risk_difference"] > 0]
    ranked = raising.sort_values(["q_value", "risk_difference"], ascending=[True, False])
    places: dict[int, int | None] = {}
    for name, cue in arm.planted.items():
        class_idx = OBJECT_NAMES.index(name)
        own = ranked[ranked["class_idx"] == class_idx]["cluster"]
        places[class_idx] = _place([shown.get(cluster) for cluster in own], cue)
    return places


def cue_column(arm: Arm) -> str:
    """Name of the manifest's column that holds the cue."""
    return "background" if arm.cue_is_background else arm.name


def worst_group(truth: pd.DataFrame) -> tuple[int, str]:
    """Label and cue of the group of at least SMALLEST_GROUP images with the lowest accuracy."""
    groups = truth.groupby(["label", "cue"])["correct"].agg(["mean", "size"])
    label, cue = groups[groups["size"] >= SMALLEST_GROUP]["mean"].idxmin()
    return int(label), str(cue)


def worst_group_found(arm: Arm, findings: pd.DataFrame, truth: pd.DataFrame) -> bool:
    """Whether a confirmed finding names the worst group: its cue as a slice or as a tag that draws
    answers, or the pair of its label and the class that its cue is planted for."""
    label, cue = worst_group(truth)
    confirmed = findings[findings["confirmed"].astype(bool)]
    value = confirmed["subject"].str.split(" -> ").str[0]
    named = confirmed["kind"].isin(["slice", "tag"]) & (value == f"{cue_column(arm)} = {cue}")
    towards = arm.class_of(cue)
    if towards is not None:
        pair = (confirmed["label"] == label) & (confirmed["predicted"] == towards)
        named |= (confirmed["kind"] == "pair") & pair
    return bool(named.any())


def confirmed_classes(findings: pd.DataFrame) -> list[str]:
    """Confirmed statements that blame the background for the mistakes of a class or a pair."""
    blaming = findings["kind"].isin(["label", "predicted", "pair"])
    confirmed = findings[blaming & findings["confirmed"].astype(bool)]
    return (confirmed["kind"] + " " + confirmed["subject"]).tolist()


def _class_places(arm: Arm, ranked: pd.DataFrame) -> dict[int, int | None]:
    order = _first(ranked["predicted"])
    planted = [OBJECT_NAMES.index(name) for name in arm.planted]
    return {class_idx: _place(order, class_idx) for class_idx in planted}


def _ranked(findings: pd.DataFrame, *kinds: str) -> pd.DataFrame:
    return findings[findings["kind"].isin(kinds)].sort_values("rank")


def _first(values: Iterable[object]) -> list[object]:
    """Each value once, where it first stands."""
    return list(dict.fromkeys(values))


def _place(order: list[object], wanted: object) -> int | None:
    return order.index(wanted) + 1 if wanted in order else None


def _majority(values: list[str]) -> str | None:
    if not values:
        return None
    value, count = Counter(values).most_common(1)[0]
    return value if count > len(values) / 2 else None
