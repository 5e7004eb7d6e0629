"""limits.html: what the audit cannot see."""

from reports.background.background_limits import state_test_limits
from reports.background.cluster_limits import state_cluster_limits
from reports.background.object_limits import state_object_limits
from reports.headlines import headline_figures
from reports.limits import Statement, state_limits
from reports.newness import state_newness
from reports.site import Site
from reports.tables import AuditTables
from tasks.tables.storage import RunFolder


def all_limits(tables: AuditTables) -> dict[str, list[Statement]]:
    """Statements by heading, the gravest first; headings without any are left out."""
    sections = {
        "Images and maps": state_limits(tables, headline_figures(tables)),
        "Objects and baselines": state_object_limits(tables),
        "The test of the background": state_test_limits(tables),
        "Clusters": state_cluster_limits(tables),
    }
    return {heading: found for heading, found in sections.items() if found}


def write_limits_page(site: Site, limits: dict[str, list[Statement]], run: RunFolder) -> None:
    """Write limits.html.

    limits : as from `all_limits`; what is new in `run` comes first
    """
    site.write("limits.html", "limits.html", limits=state_newness(run) | limits)
