"""What stands around an object, by the name of a tag where one has it, else by a cluster."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tasks.clusters.cluster_names import LARGEST_Q_VALUE, LEAST_DIFFERENCE, LEAST_SHARE
from tasks.clusters.rate_differences import fisher_greater
from tasks.findings.groups import FEWEST_IMAGES, MOST_VALUES
from tasks.findings.subjects import cluster_of, slice_of
from tasks.suggestions.audited import Audited, Bools


@dataclass(frozen=True)
class Context:
    """name : "background = meadow" or "context 3"
    inside : which images stand in it, bool, shape (N,)
    others : how many contexts of its kind the other images stand in; 1 where they are one
    """

    name: str
    inside: Bools
    others: int = 1


def context_of(finding: dict[str, Any], audited: Audited) -> Context | None:
    """The context that a finding is about: its own for a tag, a slice or a context; for the
    statements about classes the one that draws answers to the class that it is about, by the
    gravest finding that says so: the predicted class, for `label` and `leaning` the label. None
    where no finding does.

    finding : row of FINDINGS
    """
    if finding["kind"] in ("tag", "slice"):
        return _tag_context(finding, audited)
    if finding["kind"] == "context":
        return _cluster_context(finding, audited)
    about = "label" if finding["kind"] in ("label", "leaning") else "predicted"
    for other in audited.findings:
        if other["kind"] in ("tag", "context") and other["predicted"] == finding[about]:
            return context_of(other, audited)
    return None


def _tag_context(finding: dict[str, Any], audited: Audited) -> Context | None:
    predicted = audited.classes[finding["predicted"]] if finding["kind"] == "tag" else ""
    name = slice_of(finding["subject"], predicted)
    for tag, value, inside in _values(audited):
        if f"{tag} = {value}" == name:
            return Context(name, inside, max(audited.tags[tag].nunique() - 1, 1))
    return None


def _values(audited: Audited) -> Iterator[tuple[str, str, Bools]]:
    """Every value of the tags that cut the images into comparable parts."""
    for tag in audited.tags.columns:
        counts = audited.tags[tag].value_counts()
        if 1 < len(counts) <= MOST_VALUES:
            for value in sorted(counts[counts >= FEWEST_IMAGES].index):
                yield str(tag), str(value), (audited.tags[tag] == value).to_numpy(bool)


def _cluster_context(finding: dict[str, Any], audited: Audited) -> Context | None:
    """A tag's value where it explains the cluster, by the rule that names other clusters: most of
    the images with the cluster have it, the others less often by a floor and by Fisher's test."""
    cluster = cluster_of(finding["subject"])
    members = audited.contexts.get(cluster) if cluster is not None else None
    if members is None:
        return None
    rows = []
    for tag, value, inside in _values(audited):
        hits, others = int((inside & members).sum()), int((inside & ~members).sum())
        rows.append((f"{tag} = {value}", inside, hits, others))
    table = pd.DataFrame(rows, columns=["name", "inside", "hits", "others"])
    size = int(members.sum())
    rest = len(members) - size
    table = table[table["hits"] > LEAST_SHARE * size] if rest else table[:0]
    if len(table):
        rise = table["hits"] / size - table["others"] / rest
        p = fisher_greater(table["hits"], np.full(len(table), size), table["others"],
                           np.full(len(table), rest))  # fmt: skip
        table = table.assign(rise=rise)[(rise >= LEAST_DIFFERENCE) & (p <= LARGEST_Q_VALUE)]
    if len(table):
        best = table.sort_values(["rise", "name"], ascending=[False, True]).iloc[0]
        return Context(str(best["name"]), best["inside"])
    return Context(f"context {cluster}", members)
