"""Shares and means that are no quantity of `camaudit diff`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tasks.check.one_number import Measured
from tasks.check.policy import Limit
from tasks.check.two_runs import TwoRuns
from tasks.diff.estimates import estimate
from tasks.diff.metrics import METRICS
from tasks.statistics.bootstrap import bootstrap_mean
from tasks.statistics.intervals import wilson_interval


def _worst_slice(limit: Limit, runs: TwoRuns) -> list[Measured]:
    """The slice of the lowest accuracy among those of at least `least_images` images."""
    found: list[Measured] = []
    for grouping in runs.groupings:
        if grouping.kind != "slice":
            continue
        groups = len(grouping.subjects)
        of = estimate(METRICS["accuracy"], runs.aligned.b, grouping.code_b, groups)
        for place, (_, _, tag) in enumerate(grouping.subjects):
            value, low, high = (float(numbers[place]) for numbers in (of.value, of.low, of.high))
            images = int(of.images[place])
            if images >= limit.least_images:
                found.append(Measured(str(tag), value, low, high, images, images))
    if not found:
        missing = f"no slice has {limit.least_images} images"
        return [Measured("all", missing=missing)]
    return [min(found, key=lambda each: (each.value, each.subject))]


def _unread_share(limit: Limit, runs: TwoRuns) -> list[Measured]:
    listed = runs.run.dataset("manifest").count_rows()
    return [_rate("all", listed - len(runs.aligned.run_b.images), listed)]


def _dead_unit_share(limit: Limit, runs: TwoRuns) -> list[Measured]:
    """All units of a layer are known: a share without an interval."""
    columns = ["target_layer", "units", "dead_units"]
    rows = runs.run.dataset("layer_stats").to_table(columns=columns).to_pylist()
    return [
        Measured(row["target_layer"], share, share, share, row["units"], row["units"])
        for row in rows
        for share in [row["dead_units"] / row["units"]]
    ]


def _new_mistakes(limit: Limit, runs: TwoRuns) -> list[Measured]:
    rows = runs.mistakes.to_pylist()
    if limit.subjects == "all" and rows:
        total = {name: sum(row[name] for row in rows) for name in ("new", "images")}
        return [_rate("all", total["new"], total["images"])]
    return [_rate(row["label"], row["new"], row["images"]) for row in rows]


def _moved(limit: Limit, runs: TwoRuns) -> list[Measured]:
    table = runs.maps.select(["role", "class_b", "moved"]).to_pandas()
    table = table[table["role"] == "label"]
    if limit.subjects == "all":
        table = table.assign(class_b="all")
    found = []
    for name, part in table.groupby("class_b"):
        mean = bootstrap_mean(part["moved"])
        missing = "" if mean.images else "no image has a map for its label in both audits"
        found.append(
            Measured(str(name), mean.value, mean.low, mean.high, len(part), mean.images,
                     missing=missing)
        )  # fmt: skip
    return found


def _rate(subject: str, hits: int, images: int) -> Measured:
    low, high = (float(bound) for bound in wilson_interval(hits, images))
    value = hits / images if images else float("nan")
    return Measured(subject, value, low, high, images, images)


SHARES: Mapping[str, Callable[[Limit, TwoRuns], list[Measured]]] = MappingProxyType(
    {
        "worst_slice_accuracy": _worst_slice,
        "unread_share": _unread_share,
        "dead_unit_share": _dead_unit_share,
        "new_mistake_share": _new_mistakes,
        "evidence_moved": _moved,
    }
)
