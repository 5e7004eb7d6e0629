"""background.html: what the background does to this model, and how that was found."""

from typing import Any

from reports.background.background_words import PROXY, SOURCES
from reports.background.findings import Finding, stated_findings
from reports.background.first_pass import scores_by_source, source_counts
from reports.background.groups import groups_of_kind, name_group, slices_by_tag, whole_audit
from reports.background.stored_background import StoredBackground
from reports.background.untested import why_untested
from reports.background.verdicts import count_verdicts
from reports.quantities import Rate
from reports.site import Site
from reports.tables import AuditTables

FEW_TESTED = 30  # mistakes; with fewer an interval of a share is up to a third wide or more


def write_background_page(
    site: Site,
    tables: AuditTables,
    findings: list[Finding],
    strips: int,
    leaning: int,
    pair_links: dict[tuple[int, int], str],
) -> None:
    """Write background.html; nothing where the audit has no verdicts.

    strips, leaning : how many of each are shown
    pair_links : failure cases by label and prediction
    """
    stored = tables.background
    if stored is None:
        return
    site.write(
        "background.html",
        "background.html",
        findings=findings,
        findings_total=len(stated_findings(stored)),
        strips=strips,
        leaning=leaning,
        class_href=lambda group: f"classes/{max(group.label, group.predicted)}.html",
        pair_href=lambda group: pair_links.get((group.label, group.predicted), ""),
        no_href=lambda group: "",
        **_numbers(tables, stored),
    )


def _numbers(tables: AuditTables, stored: StoredBackground) -> dict[str, Any]:
    mistakes = int(tables.images["mistake"].sum())
    tested = stored.tested
    return {
        "second_pass": stored.second_pass,
        "budget": stored.budget,
        "why_untested": why_untested(stored),
        "facts": stored.facts,
        "whole": whole_audit(stored),
        "pairs": groups_of_kind(stored, "pair"),
        "classes_by": {
            "label": groups_of_kind(stored, "label"),
            "predicted": groups_of_kind(stored, "predicted"),
        },
        "slices": slices_by_tag(stored),
        "name_of": lambda group: name_group(tables, group),
        "verdicts": count_verdicts(stored),
        "mistakes": mistakes,
        "correct": tables.labelled - mistakes,
        "sources": scores_by_source(tables.images),
        "source_counts": source_counts(stored),
        "source_names": SOURCES,
        "proxy_words": PROXY,
        "tested": Rate(len(tested), len(stored.verdicts)),
        "tested_proxies": int((tested["object_source"] == "proxy").sum()),
        "spent": spent_per_image(stored),
        "few_tested": FEW_TESTED,
    }


def spent_per_image(stored: StoredBackground) -> float:
    """Forwards of the second pass per image; NaN where it did not run."""
    images = stored.facts.get("images") or 0
    return stored.facts["forwards"] / images if images else float("nan")
