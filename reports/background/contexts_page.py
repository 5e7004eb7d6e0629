"""contexts.html: the clusters of what the last layer sees."""

from reports.background.context_clusters import Context
from reports.site import Site
from reports.tables import AuditTables


def write_contexts_page(site: Site, tables: AuditTables, contexts: list[Context]) -> None:
    """Write contexts.html; nothing where no cells were clustered."""
    if tables.contexts is None:
        return
    rows, cols = tables.grid
    site.write(
        "contexts.html",
        "contexts.html",
        contexts=contexts,
        total=len(tables.contexts.clusters),
        rows=rows,
        cols=cols,
        background=tables.background is not None,
        images=len(tables.images),
        proxies=tables.background.proxies if tables.background else 0,
    )
