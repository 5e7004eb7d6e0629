"""The tables of the background evidence, where an audit has them."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reports.background.group_facts import count_pairs
from reports.frames import read_frame
from tasks.tables.by_image import rows_of_images
from tasks.tables.storage import RunFolder

_NEEDED = ("background_stats", "findings", "background", "verdicts")
_NOT_SHOWN = ("trail", "colours_turned", "right_replaced")


@dataclass(frozen=True)
class StoredBackground:
    """Of labelled images only.

    budget : forwards on changed images per labelled image; 0: the second pass was switched off
    facts : content of second_pass.json; empty where there was no second pass
    stats, findings : `background_stats`, `findings`
    verdicts : `verdicts` without the trails, which would be most of what a report holds, and what
        no page shows
    pictured : images of which a changed picture was kept
    """

    budget: float
    facts: dict[str, Any]
    verdicts: pd.DataFrame
    stats: pd.DataFrame
    findings: pd.DataFrame
    pictured: set[int]

    @property
    def second_pass(self) -> bool:
        """Whether any image was changed and run again."""
        return bool(self.facts)

    @property
    def tested(self) -> pd.DataFrame:
        """Verdicts of the images that were changed and run again."""
        return self.verdicts[self.verdicts["stratum"].notna()]

    @cached_property
    def pair_counts(self) -> pd.DataFrame:
        """Of `count_pairs`; every kind of group is summed from it."""
        return count_pairs(self.verdicts)

    @property
    def proxies(self) -> int:
        """Images whose object is a region around the evidence for the label."""
        return int((self.verdicts["object_source"] == "proxy").sum())


@dataclass(frozen=True)
class StoredContexts:
    """clusters, risks : `context_clusters` and `context_risks`; no risks without labels"""

    clusters: pd.DataFrame
    risks: pd.DataFrame


def load_background(run: RunFolder) -> StoredBackground | None:
    """None where the audit has no verdicts: it is older than they are, or has no labels."""
    if not all(run.is_written(name) for name in _NEEDED):
        return None
    stats, findings = (run.dataset(name).to_table().to_pandas() for name in _NEEDED[:2])
    stored = run.dataset("verdicts")
    columns = [name for name in stored.schema.names if name not in _NOT_SHOWN]
    words = [name for name in ("object_source", "stratum", "verdict") if name in columns]
    verdicts = read_frame(run, "verdicts", columns, words=words)
    if not len(verdicts):
        return None
    facts = _second_pass(run)
    pictured = _pictured(run) if facts else set()
    budget = float(run.audit()["config"].get("second_pass", 0))
    return StoredBackground(budget, facts, verdicts, stats, findings, pictured)


def load_contexts(run: RunFolder) -> StoredContexts | None:
    """None where no cells were clustered."""
    clusters = optional_table(run, "context_clusters")
    if clusters is None or not len(clusters):
        return None
    risks = optional_table(run, "context_risks")
    return StoredContexts(clusters, pd.DataFrame() if risks is None else risks)


def optional_table(run: RunFolder, name: str) -> pd.DataFrame | None:
    """A whole table; None where it was not written."""
    return run.dataset(name).to_table().to_pandas() if run.is_written(name) else None


def fetch_trails(run: RunFolder, image_ids: npt.ArrayLike) -> pa.Table:
    """image_id and trail, the sentences behind the verdict, of those of the images that have it."""
    rows = rows_of_images(run, "verdicts", ["image_id", "trail"], np.unique(image_ids))
    return rows.filter(rows["trail"].is_valid())


def fetch_evidence(run: RunFolder, image_ids: list[int]) -> list[dict[str, Any]]:
    """Rows of `evidence` of a few images, with their pictures."""
    chosen = pc.field("image_id").isin(image_ids)
    rows: list[dict[str, Any]] = []
    for batch in run.dataset("evidence").to_batches(filter=chosen):
        rows += batch.to_pylist()
    return rows


def _second_pass(run: RunFolder) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads((run.root / "second_pass.json").read_text())
    except (OSError, ValueError):
        return {}
    return facts


def _pictured(run: RunFolder) -> set[int]:
    if not run.is_written("evidence"):
        return set()
    kept = pc.field("picture").is_valid()
    batches = run.dataset("evidence").to_batches(columns=["image_id"], filter=kept)
    return {image_id for batch in batches for image_id in batch["image_id"].to_pylist()}
