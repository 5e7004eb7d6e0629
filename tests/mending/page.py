"""Writes docs/mending.md from the measured figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks.machine import machine_line
from tests.mending.dataset import Sizes
from tests.mending.gates import LEAST_GAIN, MENDS, Gate, Outcome, gain
from tests.mending.measured import FORWARDS, Measured

TEMPLATE = Path(__file__).with_name("page.md")
Row = list[str]


def write_page(out: Path, outcomes: Sequence[Outcome], gates: Sequence[Gate], sizes: Sizes) -> Path:
    """Write the page to the file `out`."""
    text = TEMPLATE.read_text(encoding="utf-8").format(
        machine=machine_line(1),
        seeds=len(outcomes),
        gates="\n".join(
            f"| {'pass' if gate.passed else '**missed**'} | {gate.name} | {gate.figures} |"
            for gate in gates
        ),
        points=100 * LEAST_GAIN,
        training=6 * sizes.training,
        held_out=outcomes[0].held_out,
        smallest=sizes.held_out,
        test=36 * sizes.test,
        per_group=sizes.test,
        forwards=FORWARDS,
        means=table(mean_rows(outcomes)),
        seeds_table=table(seed_rows(outcomes)),
        mended=table(mended_rows(outcomes)),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    return out


def mean_rows(outcomes: Sequence[Outcome]) -> list[Row]:
    """Of each mend the means over seeds; the first row is the head."""
    rows = [
        [
            "",
            "worst group",
            "gain",
            "all images",
            "lured",
            "driven mistakes",
            "driven of all images",
        ]
    ]
    rows.append(["before", *_means([one.before for one in outcomes], None)])
    for mend in _tried(outcomes):
        gains = [gain(one, mend) for one in outcomes]
        rows.append([mend, *_means([one.after[mend] for one in outcomes], gains)])
    return rows


def seed_rows(outcomes: Sequence[Outcome]) -> list[Row]:
    """Of each seed the accuracy of the worst group, and which that is, before and after."""
    tried = _tried(outcomes)
    rows = [["seed", "before", *tried]]
    for one in outcomes:
        all_measured = [one.before, *(one.after[mend] for mend in tried)]
        rows.append([str(one.seed), *(f"{_percent(m.worst)} {m.worst_name}" for m in all_measured)])
    return rows


def mended_rows(outcomes: Sequence[Outcome]) -> list[Row]:
    """Of each seed and mend the classes that `camaudit diff` calls mended."""
    tried = _tried(outcomes)
    rows = [["seed", *tried]]
    for one in outcomes:
        rows.append([str(one.seed), *(_names(one.mended[mend]) for mend in tried)])
    return rows


def table(rows: Sequence[Row]) -> str:
    """Markdown; a bar inside a cell does not end it."""
    lines = ["| " + " | ".join(cell.replace("|", " on ") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "| " + " | ".join("---" for _ in rows[0]) + " |", *lines[1:]])


def _tried(outcomes: Sequence[Outcome]) -> list[str]:
    return [mend for mend in MENDS if all(mend in one.after for one in outcomes)]


def _means(measured: Sequence[Measured], gains: Sequence[float] | None) -> Row:
    def mean(of: Callable[[Measured], float]) -> float:
        return sum(map(of, measured)) / len(measured)

    return [
        _percent(mean(lambda m: m.worst)),
        "" if gains is None else f"{100 * sum(gains) / len(gains):+.1f}",
        _percent(mean(lambda m: m.accuracy)),
        _percent(mean(lambda m: m.lured)),
        _percent(mean(lambda m: m.driven)),
        _percent(mean(lambda m: m.driven * m.mistakes)),
    ]


def _names(classes: tuple[str, ...]) -> str:
    return ", ".join(classes) or "none"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
