"""What could not be read or run, and why."""

from reports.site import Site
from reports.tables import AuditTables

FAILURES_LISTED = 1_000


def write_unread_page(site: Site, tables: AuditTables) -> None:
    """Write unread.html; nothing where nothing failed."""
    failures = tables.failures.sort_values(["image_id", "stage"])
    if not len(failures):
        return
    site.write(
        "unread.html",
        "unread.html",
        failures=failures.head(FAILURES_LISTED).to_dict("records"),
        total=len(failures),
        unread=len(tables.unread),
        images=len(tables.images) + len(tables.unread),
    )
