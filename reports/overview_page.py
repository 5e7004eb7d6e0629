"""The first page: the figures of the whole audit and the ways into it; also on one sheet."""

import math
from collections.abc import Iterable
from typing import Any

from reports.background.findings import Finding, stated_findings
from reports.cases import Case
from reports.class_summaries import ClassSummary
from reports.headlines import compare_evidence, headline_figures
from reports.limits import Statement
from reports.measurement import describe_measurement
from reports.mistake_pages import PairKey, ShownPair
from reports.pairs import PAIRS_LISTED, Pair
from reports.site import Site
from reports.tables import AuditTables

MEAN_MAPS_SHOWN = 24
FINDINGS_SHOWN = 3
LIMITS_SHOWN = 2  # of the first heading, and the first of each other


def write_overview(
    site: Site,
    tables: AuditTables,
    classes: dict[int, ClassSummary],
    pairs: list[Pair],
    confident: list[Case],
    shown: dict[PairKey, ShownPair],
    findings: list[Finding],
    limits: dict[str, list[Statement]],
) -> None:
    """Write index.html and summary.html, the same on one sheet of paper.

    pairs : all confused pairs, the most frequent first
    confident : mistakes with the highest probability
    findings : all that are listed
    limits : statements by heading
    """
    figures = headline_figures(tables)
    ordered = order_by_error(classes.values())
    with_map = [summary for summary in ordered if summary.mean_map]
    facts = dict(
        figures=figures,
        comparisons=compare_evidence(tables) if figures.accuracy.trials else [],
        classes=ordered,
        by_idx=classes,
        pairs=pairs[:PAIRS_LISTED],
        pairs_total=len(pairs),
        shown=shown,
        confident=confident,
        mean_maps=with_map[:MEAN_MAPS_SHOWN],
        mean_maps_total=len(with_map),
        **_top_findings(tables, findings),
        limits=_gravest(limits),
        limits_total=sum(len(statements) for statements in limits.values()),
        measurement=describe_measurement(tables),
    )
    for page in ("index.html", "summary.html"):
        site.write(page, page, **facts)


def _top_findings(tables: AuditTables, findings: list[Finding]) -> dict[str, Any]:
    stored = tables.background
    return {
        "background": stored,
        "findings": [finding for finding in findings if finding.confirmed][:FINDINGS_SHOWN],
        "findings_total": 0 if stored is None else len(stated_findings(stored)),
    }


def _gravest(limits: dict[str, list[Statement]]) -> list[Statement]:
    first, *others = limits.values()
    return [*first[:LIMITS_SHOWN], *(statements[0] for statements in others)]


def order_by_error(classes: Iterable[ClassSummary]) -> list[ClassSummary]:
    """The highest error rate first, classes without labelled images last; ties by the number
    of images, the larger first, then by index."""

    def key(summary: ClassSummary) -> tuple[float, int, int, int]:
        error = summary.accuracy.complement.value
        images = summary.accuracy.trials
        rank = math.inf if math.isnan(error) else -error
        return rank, -images, -summary.predicted, summary.class_idx

    return sorted(classes, key=key)
