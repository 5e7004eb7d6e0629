"""The frame around every page of an audit's report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.colour_scale import Scales
from reports.explorer.links import PAGE, images_link
from reports.legends import write_colours, write_legends
from reports.limits import incomplete_words
from reports.pages import PageWriter
from reports.tables import AuditTables


@dataclass(frozen=True)
class NavItem:
    """href : path in the report; '' where there is nothing to see there
    count : what the page lists; None for a page that lists nothing
    """

    name: str
    href: str
    count: int | None


class Site(PageWriter):
    """Writes pages into `folder`, each with the audit's title, note, legend and navigation."""

    def __init__(self, tables: AuditTables, scales: Scales, folder: Path) -> None:
        config = tables.audit.get("config") or {}
        model = model_name(tables.audit)
        super().__init__(
            folder,
            title=config.get("title") or f"Audit of {model}",
            note=" ".join(filter(None, (incomplete_words(tables), config.get("note")))),
            model_name=model,
            dataset_name=dataset_name(config),
            version=tables.audit.get("camaudit") or "",
            finished=str(tables.first_pass.get("finished") or "").replace("T", " ")[:16],
            scales=scales,
            labelled=tables.labelled,
            even_border=tables.even_border_share,
            navigation=_navigation(tables),
            images_link=images_link,
        )

    def write_assets(self) -> None:
        """Styles, scripts, and the colours of maps with the bars of their legend."""
        super().write_assets()
        write_legends(self.folder / "assets")
        write_colours(self.folder / "assets")


def model_name(audit: dict[str, Any]) -> str:
    """The model in a sentence: a name as it is, a file without its folders."""
    name = (audit.get("model") or {}).get("name") or (audit.get("config") or {}).get("model")
    text = str(name or "the model")
    is_file = ".py:" in text or text.endswith(".pt2")
    return text.rsplit("/", 1)[-1] if is_file else text


def dataset_name(config: dict[str, Any]) -> str:
    """The dataset in a sentence: its folder, or a manifest's file with the folder it is in."""
    parts = [part for part in str(config.get("images") or "").split("/") if part]
    return "/".join(parts[-2:] if parts and "." in parts[-1] else parts[-1:])


def _navigation(tables: AuditTables) -> list[NavItem]:
    mistakes = int(tables.images["mistake"].sum())
    failures = len(tables.failures)
    items = [
        NavItem("Overview", "index.html", None),
        NavItem("Images", PAGE, len(tables.images)),
    ]
    if tables.background is not None:
        items.append(NavItem("Background", "background.html", None))
    if tables.units is not None:
        if tables.labelled:
            items.append(NavItem("Patterns", "patterns.html", None))
        items.append(NavItem("Units", "layers/0.html", None))
    if tables.localization is not None:
        items.append(NavItem("Localisation", "localization.html", None))
    if tables.contexts is not None:
        items.append(NavItem("Contexts", "contexts.html", None))
    if tables.faithfulness is not None:
        items.append(NavItem("Faithfulness", "faithfulness.html", None))
    if tables.labelled:
        items.append(NavItem("Mistakes", "mistakes-1.html" if mistakes else "", mistakes))
    return [
        *items,
        NavItem("Unread", "unread.html" if failures else "", failures),
        NavItem("Differences", "differences.html", None),
        NavItem("Limits", "limits.html", None),
    ]
