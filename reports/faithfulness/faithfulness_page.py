"""How good the maps of each method are: tables, curves and what they mean."""

from collections import Counter
from typing import Any

import pandas as pd

from reports.faithfulness.faithfulness_table import Column, Row, measure_columns, method_rows
from reports.faithfulness.faithfulness_words import FAMILIES, LIMITS, MEASURES, Measure, words_of
from reports.faithfulness.stored_faithfulness import StoredFaithfulness
from reports.formats import count, decimal, plural
from reports.line_charts import Chart, Line, chart_rows, common_top
from reports.site import Site


def write_faithfulness_page(site: Site, stored: StoredFaithfulness | None) -> None:
    """Write faithfulness.html; nothing where it was not measured."""
    if stored is not None:
        page = faithfulness_page(
            stored.summary, stored.curves, stored.facts["reference"], sample_words(stored.facts)
        )
        site.write("faithfulness.html", "faithfulness.html", **page)


def faithfulness_page(
    table: pd.DataFrame, curves: pd.DataFrame, reference: str, sample: str = ""
) -> dict[str, Any]:
    """What `faithfulness.html` needs.

    table : as `tasks.faithfulness.comparison.compare_methods` returns it
    curves : columns method, measure, share (of the pixels changed, in [0, 1]), probability (mean
        over images); may have no rows
    reference : the method that the differences are to
    sample : how the images were drawn, in words

    Raises: AuditError for a measure that the report has no words for.
    """
    columns = measure_columns(table)
    rows = method_rows(table, columns, reference)
    families = dict.fromkeys(column.words.family for column in columns)
    return {
        "columns": columns,
        "methods": [row for row in rows if not row.baseline],
        "baselines": [row for row in rows if row.baseline],
        "reference": reference,
        "sample": sample,
        "images": int(table["images"].max()) if len(table) else 0,
        "missing": int(table["missing"].sum()),
        "leaders": _leaders(rows),
        "unconvincing": _unconvincing(rows, columns),
        "charts": _charts(curves, rows),
        "meanings": [FAMILIES[family] for family in families],
        "limits": LIMITS,
    }


def sample_words(facts: dict[str, Any]) -> str:
    """How the images were drawn and what is left of them, in sentences.

    facts : content of faithfulness.json
    """
    if facts["drawn"] == facts["audited"]:
        drawn = f"All audited images ({count(facts['audited'])}) were taken."
    else:
        drawn = (
            f"{count(facts['drawn'])} of the {count(facts['audited'])} audited images were drawn "
            f"at random, of each label its share (seed {facts['seed']})."
        )
    words = [drawn, f"Deletion and insertion take {plural(facts['steps'], 'step')}."]
    if lost := facts["drawn"] - facts["images"]:
        words.append(f"{plural(lost, 'image')} of these could no longer be read.")
    return " ".join(words)


def _leaders(rows: list[Row]) -> dict[str, Any]:
    """The methods that are most often among the best, and in how many measures."""
    counts = Counter(
        {
            row.method: sum(cell is not None and cell.mark == "best" for cell in row.cells)
            for row in rows
            if not row.baseline
        }
    )
    most = max(counts.values(), default=0)
    return {"measures": most, "methods": [m for m, n in counts.items() if n == most and most]}


def _unconvincing(rows: list[Row], columns: list[Column]) -> list[str]:
    """Measures in which a baseline is among the best."""
    marked = [[cell is not None and cell.mark == "best" for cell in row.cells] for row in rows]
    return [
        column.words.title
        for place, column in enumerate(columns)
        if any(row.baseline and best[place] for row, best in zip(rows, marked, strict=True))
    ]


def _charts(curves: pd.DataFrame, rows: list[Row]) -> list[Chart]:
    top = common_top(curves["probability"].tolist())
    found = {str(name): own for name, own in curves.groupby("measure")}
    for name in found:
        words_of(name)
    return [
        _chart(found[name], words, rows, top) for name, words in MEASURES.items() if name in found
    ]


def _chart(curves: pd.DataFrame, words: Measure, rows: list[Row], top: float) -> Chart:
    drawn = set(curves["method"])
    lines = [Line(row.method, row.style) for row in rows if row.method in drawn]
    values = curves.pivot(index="share", columns="method", values="probability")
    return Chart(
        title=words.title,
        axis=f"share of {words.axis}",
        summary=_summary(curves, words),
        unit="",
        top=top,
        lines=lines,
        rows=chart_rows(values[[line.name for line in lines]], 3),
    )


def _summary(rows: pd.DataFrame, words: Measure) -> str:
    ends = rows.sort_values("share").groupby("method")["probability"]
    first, last = ends.first().mean(), ends.last().mean()
    return (
        f"{words.title}: mean probability of the class from {decimal(first)} with no "
        f"{words.axis} to {decimal(last)} with all; the areas are in the table"
    )
