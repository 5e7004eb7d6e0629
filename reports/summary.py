"""An audit in a few lines, for pages that are not the report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from reports.background.findings import stated_findings
from reports.background.stored_background import load_background
from reports.formats import count, interval, percent, plural
from reports.newness import state_newness
from reports.quantities import Rate
from reports.site import dataset_name, model_name
from tasks.tables.storage import RunFolder

_LISTED = 50
_GRAVEST = 3


@dataclass(frozen=True)
class Summary:
    """headline : what the audit says in words
    newness : how much of it was computed, a line for each pass; none where all was
    gravest : the first confirmed findings, in words
    findings : a row each, the gravest first
    """

    title: str
    headline: str
    newness: list[str]
    gravest: list[str]
    findings: list[dict[str, Any]]


def summarise(run_folder: Path) -> Summary:
    """Raises: AuditError for a folder that is no audit, and for an audit that has not finished."""
    run = RunFolder(run_folder)
    facts = run.audit()
    config = facts.get("config") or {}
    title = config.get("title") or f"Audit of {model_name(facts)}"
    findings = _findings(run)
    confirmed = [row["what"] for row in findings if row["confirmed"] == "yes"]
    accuracy = _accuracy(run, model_name(facts), dataset_name(config))
    headline = f"{accuracy} {plural(len(confirmed), 'confirmed finding')}."
    newness = [f"{what}: {said}" for rows in state_newness(run).values() for what, said in rows]
    return Summary(title, headline, newness, confirmed[:_GRAVEST], findings[:_LISTED])


def _accuracy(run: RunFolder, model: str, dataset: str) -> str:
    labelled = run.dataset("predictions").to_table(["correct"], filter=pc.field("label") >= 0)
    unread = run.dataset("failures").to_table(["image_id"], filter=pc.field("stage") != "mask")
    rate = Rate(pc.sum(labelled["correct"]).as_py() or 0, len(labelled))
    unaudited = len(pc.unique(unread["image_id"]))
    lost = f"{plural(unaudited, 'image')} could not be audited." if unaudited else ""
    if not rate.trials:
        return f"{model} was run over {dataset}, which has no labels. {lost}".strip()
    return (
        f"{model} gives the right class for {count(rate.successes)} of "
        f"{plural(rate.trials, 'labelled image')} of {dataset}: {percent(rate.value)} "
        f"{interval(rate)}. {lost}"
    ).strip()


def _findings(run: RunFolder) -> list[dict[str, Any]]:
    stored = load_background(run)
    if stored is None:
        return []
    return [
        {
            "about": row["subject"],
            "confirmed": "yes" if row["confirmed"] else "no",
            "effect": percent(row["effect"]),
            "95 % interval": f"{percent(row['low'])} to {percent(row['high'])}",
            "images": int(row["images"]),
            "tested": int(row["tested"]),
            "what": row["text"],  # the last: a page that is too narrow cuts it off
        }
        for row in stated_findings(stored).to_dict("records")
    ]
