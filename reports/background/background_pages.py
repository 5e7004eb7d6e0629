"""All pages of the background evidence."""

from dataclasses import dataclass

from reports.background.background_exemplars import BackgroundExemplars
from reports.background.background_page import write_background_page
from reports.background.context_clusters import show_contexts
from reports.background.contexts_page import write_contexts_page
from reports.background.findings import Finding
from reports.background.strip_pages import LEANING, MISTAKES, write_strip_pages
from reports.background.strips import build_strips, margin_scale
from reports.cases import Case
from reports.site import Site
from reports.tables import AuditTables


@dataclass(frozen=True)
class Links:
    """Where an image is shown in full: its strip, else its case among the mistakes.

    strips, cases : paths in the report by image_id
    pairs : failure cases by label and prediction
    """

    strips: dict[int, str]
    cases: dict[int, str]
    pairs: dict[tuple[int, int], str]

    @property
    def any(self) -> dict[int, str]:
        return self.cases | self.strips


def write_background_pages(
    site: Site,
    tables: AuditTables,
    chosen: BackgroundExemplars,
    cases: dict[int, Case],
    findings: list[Finding],
    links: Links,
) -> None:
    """Write what the audit has tables for: background.html, strips, contexts.html."""
    number = len(chosen.strips), len(chosen.leaning)
    write_background_page(site, tables, findings, *number, links.pairs)
    _write_strips(site, tables, chosen, cases)
    write_contexts_page(site, tables, show_contexts(tables, chosen.contexts, cases, links.any))


def _write_strips(
    site: Site, tables: AuditTables, chosen: BackgroundExemplars, cases: dict[int, Case]
) -> None:
    if tables.background is None:
        return
    tested = tables.background.tested
    right = tested["correct"].eq(True)
    leaning_total = int((right & (tested["verdict"] == "confirmed")).sum())
    strips = build_strips(tables, [*chosen.strips, *chosen.leaning], cases, site.folder)
    mistakes, leaning = strips[: len(chosen.strips)], strips[len(chosen.strips) :]
    scale = margin_scale(strips)
    stored_threshold = tables.background.facts.get("gap_threshold")
    threshold = float("nan") if stored_threshold is None else float(stored_threshold)
    write_strip_pages(site, MISTAKES, mistakes, int((~right).sum()), scale, threshold)
    write_strip_pages(site, LEANING, leaning, leaning_total, scale, threshold)
