"""Numbers of things: findings, failures, units."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from tasks.check.one_number import Measured
from tasks.check.policy import Limit
from tasks.check.two_runs import TwoRuns
from tasks.tables.storage import RunFolder


def counted_change(limit: Limit, runs: TwoRuns) -> list[Measured]:
    """How much more of a counted thing there is than in the earlier audit."""
    earlier = {each.subject: each for each in _BY_RUN[limit.metric](runs.aligned.run_a.run)}
    found = []
    for each in _BY_RUN[limit.metric](runs.run):
        before = earlier.get(each.subject)
        if before is None:
            missing = f"the earlier audit has no layer {each.subject}"
            found.append(Measured(each.subject, missing=missing))
        else:
            found.append(
                replace(each, value=each.value - before.value, images_before=before.images)
            )
    return found


def _failures(run: RunFolder) -> list[Measured]:
    rows = run.dataset("failures").count_rows()
    return [Measured("all", float(rows), images=_listed(run))]


def _unread(run: RunFolder) -> list[Measured]:
    read = run.dataset("predictions").count_rows()
    return [Measured("all", float(_listed(run) - read), images=_listed(run))]


def _findings(run: RunFolder) -> list[Measured]:
    sure = run.dataset("findings").to_table(columns=["confirmed"])["confirmed"].to_pylist()
    return [Measured("all", float(sum(sure)), images=len(sure))]


def _dead_units(run: RunFolder) -> list[Measured]:
    columns = ["target_layer", "units", "dead_units"]
    rows = run.dataset("layer_stats").to_table(columns=columns).to_pylist()
    return [
        Measured(row["target_layer"], float(row["dead_units"]), images=row["units"]) for row in rows
    ]


def _listed(run: RunFolder) -> int:
    return int(run.dataset("manifest").count_rows())


def _new_findings(runs: TwoRuns) -> list[Measured]:
    rows = runs.findings.to_pylist()
    new = sum(row["state"] == "new" for row in rows)
    return [Measured("all", float(new), images=sum(row["confirmed_b"] for row in rows))]


def _units_in(state: str) -> Callable[[TwoRuns], list[Measured]]:
    """Layers that either audit lacks, and units that nobody can compare, are told as missing."""

    def count(runs: TwoRuns) -> list[Measured]:
        by_layer: dict[str, list[str]] = {}
        for row in runs.units.select(["target_layer", "state"]).to_pylist():
            by_layer.setdefault(row["target_layer"], []).append(row["state"])
        found = []
        for each in _dead_units(runs.run):
            states = by_layer.get(each.subject)
            missing = ""
            if states is None:
                missing = "the earlier audit has no layer of this name and number of units"
            elif state == "changed" and {"not_comparable", "undetermined"} & set(states):
                missing = "units of unrelated models are not comparable, nor those without means"
            value = float(sum(s == state for s in states or ()))
            found.append(replace(each, value=value, missing=missing))
        return found

    return count


_BY_RUN: Mapping[str, Callable[[RunFolder], list[Measured]]] = MappingProxyType(
    {
        "failures": _failures,
        "unread_images": _unread,
        "confirmed_findings": _findings,
        "dead_units": _dead_units,
    }
)


def _of_run(name: str) -> Callable[[TwoRuns], list[Measured]]:
    return lambda runs: _BY_RUN[name](runs.run)


COUNTED: Mapping[str, Callable[[TwoRuns], list[Measured]]] = MappingProxyType(
    {name: _of_run(name) for name in _BY_RUN}
    | {
        "new_findings": _new_findings,
        "died_units": _units_in("died"),
        "changed_units": _units_in("changed"),
    }
)
