"""Writes the benchmark's page and its plot from the measured figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np

from tests.benchmarks.machine import machine_line
from tests.planted.figures import (
    Rows,
    baseline_rows,
    by_arm,
    cast_rows,
    coverage_rows,
    explain_target,
    finding_rows,
    model_rows,
    ranking_rows,
)
from tests.planted.gates import LEAST_AUROC, LEAST_TESTED, Gate, pooled
from tests.planted.measured import Measured
from tests.planted.metrics import auroc
from tests.planted.mistakes import MEASURES
from tests.planted.ranks import TAKEN_UP
from tests.planted.truth import AGAIN, RENDERS

matplotlib.use("Agg")
from matplotlib import pyplot as plt

SHOWN = ("reliance", "score", "border_contrast", "off_object", "pointing_miss", "unsure")
COLORS = ("#b3261e", "#2f6db5", "#7fa8d6", "#6f8f72", "#a8bfa9", "#b9b2a6")
TEMPLATE = Path(__file__).with_name("page.md")


def write_page(
    out: Path, measured: Sequence[Measured], gates: Sequence[Gate], seconds: float
) -> Path:
    """Write README.md and auroc.svg into `out`; returns the page."""
    out.mkdir(parents=True, exist_ok=True)
    _plot(out / "auroc.svg", measured)
    text = TEMPLATE.read_text(encoding="utf-8").format(
        machine=machine_line(1).replace("1 threads", "2 processes of 1 thread"),
        count=len(measured),
        seconds=seconds,
        plot="auroc.svg",
        gates="\n".join(_gate_row(gate) for gate in gates),
        target=explain_target(),
        images=measured[0].reached["images"],
        renders=RENDERS,
        again=AGAIN,
        models=_table(model_rows(measured)),
        ranking=_table(ranking_rows(measured)),
        baselines=_table(baseline_rows(measured, masked=True)),
        baselines_bare=_table(baseline_rows(measured, masked=False)),
        taken_up=f"{TAKEN_UP:.0%}",
        findings=_table(finding_rows(measured)),
        least=LEAST_TESTED,
        coverage=_table(coverage_rows(measured)),
        cast=_table(cast_rows(measured)),
    )
    page = out / "README.md"
    page.write_text(text, encoding="utf-8")
    return page


def _gate_row(gate: Gate) -> str:
    return f"| {'pass' if gate.passed else '**missed**'} | {gate.name} | {gate.figures} |"


def _table(rows: Rows) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "| " + " | ".join("---" for _ in rows[0]) + " |", *lines[1:]])


def _plot(file: Path, measured: Sequence[Measured]) -> None:
    """Bars of AUROC per arm and measure, with masks above and without below."""
    figure, axes = plt.subplots(2, 1, figsize=(9, 6.4), sharex=True, sharey=True)
    for axis, masked in zip(axes, (True, False), strict=True):
        arms = by_arm(measured, masked)
        tables = [pooled(group) for group in arms.values()]
        for place, (measure, color) in enumerate(zip(SHOWN, COLORS, strict=True)):
            values = [auroc(table[table["tested"]], measure).value for table in tables]
            left = np.arange(len(arms)) + (place - (len(SHOWN) - 1) / 2) * 0.14
            axis.bar(left, np.nan_to_num(values), 0.12, color=color, label=MEASURES[measure])
        axis.axhline(0.5, color="#888", lw=0.8)
        axis.axhline(LEAST_AUROC, color="#222", lw=0.8, ls=(0, (4, 3)))
        axis.set_ylim(0, 1)
        axis.set_xticks(np.arange(len(arms)), list(arms))
        axis.set_title("with masks" if masked else "without masks", loc="left", fontsize=10)
        axis.set_ylabel("AUROC")
        axis.spines[["top", "right"]].set_visible(False)
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="lower center", ncol=3, frameon=False, fontsize=9
    )
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    with plt.rc_context({"svg.hashsalt": "planted"}):
        figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
