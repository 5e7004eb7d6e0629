"""What two audits measured of the classes that the first had findings about."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from tasks.diff.alignment import Alignment
from tasks.diff.differences import rate_counts, sampled_differences
from tasks.diff.estimates import GroupEstimates, confusion_estimate
from tasks.diff.once_found import p_value_once_found
from tasks.diff.overlapping_rates import overlapping_interval
from tasks.diff.worst_groups import compare_worst, correct_counts, shared_labels, tags_of_both
from tasks.findings.cells import tally
from tasks.findings.subjects import cluster_of, slice_of
from tasks.findings.weighted_shares import weighted_share

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]
Row = dict[str, Any]


def evidence_of(
    aligned: Alignment, name: str, findings: list[Row], largest_p: float
) -> Iterator[Row]:
    """Rows of MENDED_EVIDENCE, without what all tests together make of them: of the gravest context
    or tag that drew images to the class, of mistakes on it and into it, and of its worst group by
    the tags that its findings name, else by every tag.

    name : of the class; findings : of A, confirmed, about it, the gravest first
    largest_p : of all that A confirmed
    """
    place = aligned.classes.names.index(name)
    labels = shared_labels(aligned)
    for finding in findings:
        if finding["kind"] in ("tag", "context"):
            row = _taken_for(aligned, place, labels, finding, largest_p)
            if row:
                yield {"label": name, **row}
                break
    if any(finding["label"] == name for finding in findings):
        yield {"label": name, **_driven(aligned, "driven", [label == place for label in labels])}
    if any(finding["kind"] in ("pair", "predicted") and finding["predicted"] == name
           for finding in findings):  # fmt: skip
        sides = zip(labels, (aligned.a, aligned.b), strict=True)
        taken = [(label >= 0) & (side["predicted"] == place).to_numpy() for label, side in sides]
        yield {"label": name, **_driven(aligned, "driven_into", taken)}
    yield from _worst_group(aligned, name, place, labels, findings)


def _taken_for(
    aligned: Alignment, place: int, labels: list[Codes], finding: Row, largest_p: float
) -> Row | None:
    """Of the images of other classes in the context, those taken for the class."""
    context = _inside(aligned, place, finding)
    if context is None:
        return None
    subject, members = context
    codes = [np.where((label >= 0) & (label != place), np.where(member, 0, 1), -1)
             for label, member in zip(labels, members, strict=True)]  # fmt: skip
    taken = [(side["predicted"] == place).to_numpy(np.float64) for side in (aligned.a, aligned.b)]
    counts = rate_counts(codes[0], codes[1], taken[0], taken[1], 2)
    elsewhere = int(counts.hits_a[1]), int(counts.images_a[1])
    counts = counts.of(np.array([0]))
    a = confusion_estimate(counts.hits_a, counts.images_a)
    b = confusion_estimate(counts.hits_b, counts.images_b)
    low, high = overlapping_interval(counts)
    told = {"difference": counts.difference, "low": low, "high": high}
    return {"measure": "taken_for", "subject_a": subject, "subject_b": subject, **_columns(a, b),
            "p_value": p_value_once_found(counts, *elsewhere, largest_p),
            **{n: float(v[0]) for n, v in told.items()}}  # fmt: skip


def _inside(aligned: Alignment, place: int, finding: Row) -> tuple[str, list[Bools]] | None:
    """Name of the context and which images of A and B stand in it. The clusters are those of A: of
    images that only B has nobody knows whether they show one."""
    if finding["kind"] == "context":
        cluster = cluster_of(finding["subject"])
        if cluster is None or not aligned.common.any():
            return None
        members = aligned.run_a.run.dataset("cluster_members").to_table()
        shown = pc.list_parent_indices(members["contexts"])
        hits = pc.equal(pc.list_flatten(members["contexts"]), cluster)
        ids = members["image_id"].take(shown.filter(hits)).to_numpy()
        inside = np.isin(aligned.a["image_id"], ids) & aligned.common
        return f"context {cluster} of A", [inside, inside]
    name = slice_of(finding["subject"], _name_in_a(aligned, place))
    for _, values, codes in tags_of_both(aligned):
        if name in values:
            return name, [code == values.index(name) for code in codes]
    return None


def _name_in_a(aligned: Alignment, place: int) -> str:
    """As its findings write it: of two classes of one name, neither has a number there."""
    return aligned.run_a.classes[int(np.flatnonzero(aligned.classes.code_a == place)[0])]


def _driven(aligned: Alignment, measure: str, chosen: list[Bools]) -> Row:
    """Of the chosen images, those mistaken because of the background: a rate over images, not over
    mistakes, which a better model has fewer of. Right answers count as 0, tested or not; tested
    mistakes are weighted. Both audits stand as independent: their samples differ."""
    sides = [_rate(side, own) for side, own in zip((aligned.a, aligned.b), chosen, strict=True)]
    found = sampled_differences(*sides)
    return {"measure": measure, **_columns(*sides),
            **{name: float(value[0]) for name, value in found.items()}}  # fmt: skip


def _rate(side: Any, chosen: Bools) -> GroupEstimates:
    wrong = (side["correct"] == 0).to_numpy()
    inclusion = np.where(wrong, side["inclusion"].to_numpy(np.float64), 1.0)
    values = np.where(wrong, side["driven"].to_numpy(np.float64), 0.0)
    cells = tally(np.where(chosen, 0, -1), ~wrong, inclusion, values, 1)
    found = weighted_share(cells)
    images, mistakes = int(chosen.sum()), int((chosen & wrong).sum())
    tested = int((chosen & wrong & np.isfinite(inclusion) & np.isfinite(values)).sum())
    # Mistakes of which none was tested: the right answers alone say nothing of them.
    known = np.array([bool(images and (tested or not mistakes))])
    bounds = (np.where(known, b, np.nan) for b in (found.value, found.low, found.high))
    return GroupEstimates(np.array([images]), np.array([images - mistakes + tested]), *bounds)


def _worst_group(
    aligned: Alignment, name: str, place: int, labels: list[Codes], findings: list[Row]
) -> Iterator[Row]:
    tags = list(tags_of_both(aligned))
    own_name = _name_in_a(aligned, place)
    subjects = {slice_of(f["subject"], own_name) for f in findings if f["kind"] == "tag"}
    named = [entry for entry in tags if subjects & set(entry[1])]
    for _, values, codes in named or tags:
        own = [
            np.where(label == place, code, -1) for label, code in zip(labels, codes, strict=True)
        ]
        found = compare_worst(correct_counts(aligned, own, len(values)), values)
        if found:
            found["subject_a"], found["subject_b"] = found.pop("group_a"), found.pop("group_b")
            found.pop("groups")
            yield {"label": name, "measure": "worst_group", **found}


def _columns(a: GroupEstimates, b: GroupEstimates) -> Row:
    counts = {f"{n}_{side}": int(getattr(e, n)[0]) for n in ("images", "tested")
              for side, e in (("a", a), ("b", b))}  # fmt: skip
    shares = {f"{n}_{side}": float(getattr(e, n)[0]) for n in ("value", "low", "high")
              for side, e in (("a", a), ("b", b))}  # fmt: skip
    return counts | shares
