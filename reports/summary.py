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


@dataclass(frozen=True)
class Summary:
    """headline : what the audit says in words
    newness : how much of it was computed; '' where all was
    findings : a row each, the gravest first
    """

    title: str
    headline: str
    newness: str
    findings: list[dict[str, Any]]


def summarise(run_folder: Path) -> Summary:
    """Raises: AuditError for a folder that is no audit, and for an audit that has not finished."""
    run = RunFolder(run_folder)
    facts = run.audit()
    config = facts.get("config") or {}
    title = config.get("title") or f"Audit of {model_name(facts)}"
    findings = _findings(run)
    confirmed = sum(row["confirmed"] == "yes" for row in findings)
    found = plural(confirmed, "confirmed finding")
    headline = f"{_accuracy(run, model_name(facts), dataset_name(config))} {found}."
    newness = [f"{what}: {said}" for rows in state_newness(run).values() for what, said in rows]
    return Summary(title, headline, "\n\n".join(newness), findings[:_LISTED])


def _accuracy(run: RunFolder, model: str, dataset: str) -> str:
    labelled = run.dataset("predictions").to_table(["correct"], filter=pc.field("label") >= 0)
    unread = run.dataset("failures").to_table(["image_id"], filter=pc.field("stage") != "mask")
    rate = Rate(pc.sum(labelled["correct"]).as_py() or 0, len(labelled))
    lost = plural(len(pc.unique(unread["image_id"])), "image")
    if not rate.trials:
        return f"{model} was run over {dataset}, which has no labels; {lost} could not be audited."
    return (
        f"{model} gives the right class for {count(rate.successes)} of "
        f"{plural(rate.trials, 'labelled image')} of {dataset}: {percent(rate.value)} "
        f"{interval(rate)}. {lost} could not be audited."
    )


def _findings(run: RunFolder) -> list[dict[str, Any]]:
    stored = load_background(run)
    if stored is None:
        return []
    return [
        {
            "confirmed": "yes" if row["confirmed"] else "no",
            "about": row["subject"],
            "what": row["text"],
            "effect": percent(row["effect"]),
            "95 % interval": f"{percent(row['low'])} to {percent(row['high'])}",
            "images": int(row["images"]),
            "tested": int(row["tested"]),
        }
        for row in stated_findings(stored).to_dict("records")
    ]
