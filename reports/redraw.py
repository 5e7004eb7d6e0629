"""The pages of a report that speak of the run, not of its tables, drawn again."""

from pathlib import Path

from reports.colour_scale import choose_scales
from reports.differences_page import write_differences_page
from reports.limits_page import all_limits, write_limits_page
from reports.site import Site
from reports.tables import load_tables
from tasks.tables.storage import RunFolder


def redraw_pages_of_run(run_folder: Path) -> None:
    """Write limits.html and differences.html of RUN/report in the place of those that are there,
    which may be links to another run's; all else stays. Nothing is done without a report.

    Raises: AuditError for a folder that is no audit, and for an audit that has not finished.
    """
    run = RunFolder(run_folder)
    if not run.report_file.exists():
        return
    tables = load_tables(run)
    folder = run.report_file.parent
    for name in ("limits.html", "differences.html"):
        # Written into, a linked file would change in the earlier run, too.
        (folder / name).unlink(missing_ok=True)
    site = Site(tables, choose_scales(tables), folder)
    write_limits_page(site, all_limits(tables), run)
    write_differences_page(site, run)
