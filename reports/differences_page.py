"""differences.html: what was held against this audit, and what else was drawn from it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.site import Site
from tasks.runs.own_files import VIEW_FILE
from tasks.tables.storage import RunFolder

_TOLD = 8  # headlines of each


@dataclass(frozen=True)
class View:
    """A page beside the report, in the run's folder.

    href : from the report's folder
    headlines : of a diff; else none
    """

    title: str
    href: str
    is_diff: bool
    headlines: list[str]


def find_views(run: RunFolder) -> list[View]:
    """Those that commands wrote into the run's folder, by name."""
    found = []
    for file in sorted(run.root.glob(f"*/{VIEW_FILE}")):
        facts = _facts(file)
        name = file.parent.name
        if facts and (file.parent / "index.html").is_file():
            is_diff = facts.get("kind") == "diff"
            told = [str(each) for each in facts.get("headlines") or []] if is_diff else []
            title = str(facts.get("title") or name)
            found.append(View(title, f"../{name}/index.html", is_diff, told[:_TOLD]))
    return found


def write_differences_page(site: Site, run: RunFolder) -> None:
    """Write differences.html; where there is nothing yet, it says which commands make it."""
    views = find_views(run)
    site.write(
        "differences.html",
        "differences.html",
        diffs=[view for view in views if view.is_diff],
        others=[view for view in views if not view.is_diff],
        run_name=run.root.resolve().name,
    )


def _facts(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
