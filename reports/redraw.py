"""The one page of a report that speaks of the run, drawn again in a report that was taken over."""

from pathlib import Path

from reports.colour_scale import choose_scales
from reports.limits_page import all_limits, write_limits_page
from reports.site import Site
from reports.tables import load_tables
from tasks.tables.storage import RunFolder


def redraw_limits(run_folder: Path) -> None:
    """Write RUN/report/limits.html in the place of the linked one; all else stays.

    Raises: AuditError for a folder that is no audit, and for an audit that has not finished.
    """
    run = RunFolder(run_folder)
    tables = load_tables(run)
    folder = run.report_file.parent
    # Written into, the linked file would change in the earlier run, too.
    (folder / "limits.html").unlink(missing_ok=True)
    write_limits_page(Site(tables, choose_scales(tables), folder), all_limits(tables), run)
