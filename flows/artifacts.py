"""What Prefect's own pages show of an audit: headline, findings, link to the report, progress."""

import re
import threading
import time
from typing import cast
from urllib.parse import quote
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from flows.markdown import as_markdown
from reports.summary import summarise
from tasks.index.plan import Plan

_SECONDS_BETWEEN = 2.0  # a call a shard would be felt where shards are small


class ProgressArtifact:
    """A bar on the page of the flow run.

    stage : what is done, in two words
    """

    def __init__(self, plan: Plan, stage: str) -> None:
        made = create_progress_artifact(
            progress=0.0, key=artifact_key(plan, stage), description=stage.capitalize()
        )
        self._id = cast(UUID, made)  # typed for asynchronous callers, too
        self._told = 0.0
        self._lock = threading.Lock()

    def update(self, share: float) -> None:
        """share : done, in [0, 1]. Not every call is passed on; the last one is."""
        with self._lock:
            now = time.monotonic()
            if share < 1 and now - self._told < _SECONDS_BETWEEN:
                return
            self._told = now
            update_progress_artifact(artifact_id=self._id, progress=100 * share)


def show_results(plan: Plan, reports_url: str | None) -> None:
    """Headline and findings of a finished audit.

    reports_url : of the folder that the run's folder is in; None: the path of the report is told
    """
    summary = summarise(plan.run.root)
    gravest = [f"- {as_markdown(text)}" for text in summary.gravest]
    parts = [
        as_markdown(summary.headline),
        "\n".join(gravest),
        *map(as_markdown, summary.newness),
        _link(plan, reports_url),
    ]
    text = "\n\n".join(part for part in parts if part)
    name = f"{summary.title}: {plan.run.root.name}"
    create_markdown_artifact(text, key=artifact_key(plan, "audit"), description=name)
    create_table_artifact(
        summary.findings or [{"findings": "none"}],
        key=artifact_key(plan, "findings"),
        description=f"{name}: the findings, the gravest first",
    )


def artifact_key(plan: Plan, what: str) -> str:
    """A key that audits of one name share, so that Prefect shows them as one history."""
    return key_of(plan.config.title or plan.facts["model"]["name"].rsplit("/", 1)[-1], what)


def key_of(name: str, what: str) -> str:
    """name : of the audits; what : the artifact tells"""
    return re.sub("[^a-z0-9]+", "-", f"{name} {what}".lower()).strip("-")


def _link(plan: Plan, reports_url: str | None) -> str:
    # A page from a server may not open files, so a file:// link would do nothing.
    if reports_url is None:
        return f"Report: `{plan.run.report_file.resolve()}`"
    place = f"{quote(plan.run.root.name)}/report/index.html"
    return f"[Open the report]({reports_url.rstrip('/')}/{place})"
