"""localization.html: whether boxes cut from the maps find the objects."""

from reports.cases import Case
from reports.formats import percent
from reports.localization.localization_exemplars import show_localized
from reports.localization.localization_table import Figure, class_rows, overall_figures
from reports.localization.localization_words import INNER, LIMITS, NEEDS, RULES
from reports.localization.threshold_charts import CENTRE, MAPS, threshold_charts
from reports.site import Site
from reports.tables import AuditTables


def write_localization_page(
    site: Site, tables: AuditTables, chosen: dict[str, list[int]], cases: dict[int, Case]
) -> None:
    """Write localization.html; nothing where the audit is older than its tables.

    chosen : image ids by group; cases : by image_id, of all that were chosen

    Raises: AuditError for a figure that the report has no words for.
    """
    stored = tables.localization
    if stored is None:
        return
    figures = overall_figures(stored.stats)
    columns, classes = class_rows(stored.stats)
    model = tables.audit.get("model") or {}
    site.write(
        "localization.html",
        "localization.html",
        figures=figures,
        inner=INNER,
        verdict=verdict_words(figures),
        images=len(stored.images),
        masks=int((stored.images["object_source"] == "mask").sum()),
        audited=len(tables.images),
        outputs=int(model.get("num_classes") or 0),
        columns=columns,
        classes=classes,
        groups=show_localized(tables, chosen, cases),
        charts=threshold_charts(stored.curves),
        curves=(MAPS, CENTRE),
        needs=NEEDS,
        rules=RULES,
        limits=LIMITS,
    )


def verdict_words(figures: list[Figure]) -> tuple[str, str]:
    """Whether the maps localise better than the centre, and the numbers for it; empty where
    there is no MaxBoxAcc."""
    found = next((figure for figure in figures if figure.name == "max_box_acc"), None)
    if found is None:
        return "", ""
    what = {
        "better": "The maps localise better than the centre box",
        "worse": "The maps localise worse than the centre box",
        "": "The maps cannot be told from the centre box",
    }[found.mark]
    numbers = (
        f"MaxBoxAcc {percent(found.maps.value)} against {percent(found.centre.value)}, a "
        f"difference of {found.points} points {found.points_interval}."
    )
    return what, numbers
