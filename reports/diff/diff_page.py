"""The page of `camaudit diff`."""

from pathlib import Path
from typing import Any

from reports.diff.diff_pictures import PictureDrawer, TwoPictures, draw_both
from reports.diff.diff_rows import class_columns, class_rows, figures, pair_rows
from reports.diff.diff_sentences import headlines, main_scope
from reports.diff.diff_words import LIMITS, how_made
from reports.diff.mended_rows import MEASURES, STATES, mended_classes
from reports.legends import write_legends
from reports.site import model_name
from reports.views.explain_plates import PictureFolder
from reports.views.view_folder import view_writer
from tasks.diff.stage import Difference
from tasks.tables.whole_files import write_table

SHOWN = {"new": 12, "mended": 6, "persistent": 6}
SHOWN_MOVED = 12
SHOWN_UNITS = 40
SHOWN_FINDINGS = 60

Row = dict[str, Any]


def write_diff_page(difference: Difference, folder: Path) -> Path:
    """Write FOLDER/index.html with its pictures, view.json and the tables as Parquet; returns the
    path of the page. The folder appears whole.

    Raises: AuditError where the folder holds anything but an earlier view.
    """
    aligned = difference.aligned
    names = run_names(aligned.run_a.run.root, aligned.run_b.run.root)
    title = f"{names[1]} against {names[0]}"
    told = headlines(difference)
    facts = {"kind": "diff", "headlines": told, "coverage": difference.coverage,
             "run_a": str(aligned.run_a.run.root.resolve()),
             "run_b": str(aligned.run_b.run.root.resolve())}  # fmt: skip
    model = model_name(aligned.run_b.audit)
    with view_writer(folder, title, model, facts) as pages:
        for name, table in difference.tables.items():
            write_table(pages.folder / f"{name}.parquet", table)
        write_legends(pages.folder / "assets")
        files = PictureFolder(pages.folder)
        drawers = PictureDrawer(aligned.run_a, files), PictureDrawer(aligned.run_b, files)
        columns = class_columns(difference)
        pages.write(
            "index.html", "diff.html", names=names, headlines=told, coverage=difference.coverage,
            mended=mended_classes(difference, main_scope(difference)), measures=MEASURES,
            states=STATES, worst=difference.tables["worst_groups"].to_pylist(),
            scope=main_scope(difference), figures=figures(difference), columns=columns,
            classes=class_rows(difference, columns), pairs=pair_rows(difference),
            mistakes=_mistakes(difference, drawers), counts=_counts(difference),
            moved=_moved(difference, drawers), findings=_findings(difference),
            layers=difference.layers, units=_units(difference),
            scales=[drawer.scale for drawer in drawers], made=how_made(difference), limits=LIMITS,
        )  # fmt: skip
    return folder / "index.html"


def run_names(root_a: Path, root_b: Path) -> tuple[str, str]:
    """The folders' names, with as many of those above as tell the two apart."""
    a, b = root_a.resolve().parts, root_b.resolve().parts
    for depth in range(1, max(len(a), len(b)) + 1):
        names = "/".join(a[-depth:]), "/".join(b[-depth:])
        if names[0] != names[1]:
            break
    return names


def _counts(difference: Difference) -> dict[str, int]:
    rows = difference.tables["mistake_counts"].to_pylist()
    return {name: sum(row[name] for row in rows) for name in (*SHOWN, "images")}


def _mistakes(
    difference: Difference, drawers: tuple[PictureDrawer, PictureDrawer]
) -> dict[str, list[TwoPictures]]:
    """Exemplars by state, spread over the classes: of each the surest mistake in turn."""
    rows = difference.tables["mistake_changes"].to_pylist()
    chosen = {}
    for state, most in SHOWN.items():
        seen: dict[str, int] = {}
        turns: list[tuple[int, int, Row]] = []
        for row in rows:
            if row["state"] == state:
                seen[row["label"]] = seen.get(row["label"], 0) + 1
                turns.append((seen[row["label"]], len(turns), row))
        picked = [row for _, _, row in sorted(turns, key=lambda turn: turn[:2])[:most]]
        chosen[state] = draw_both([(row, "predicted") for row in picked], drawers)
    return {state: shown for state, shown in chosen.items() if shown}


def _moved(
    difference: Difference, drawers: tuple[PictureDrawer, PictureDrawer]
) -> list[TwoPictures]:
    """Of one class in both: its label's, else that of what both predicted."""
    rows = difference.tables["map_changes"]
    picked: list[tuple[Row, str]] = []
    for role in ("label", "predicted"):
        for row in rows.to_pylist() if not picked else []:
            same = row["class_a"] == row["class_b"]
            if row["role"] == role and same and row["moved"] and len(picked) < SHOWN_MOVED:
                picked.append((row, role))
    return draw_both(picked, drawers)


def _findings(difference: Difference) -> list[Row]:
    rows: list[Row] = difference.tables["finding_changes"].to_pylist()
    return [row for row in rows if row["state"] != "unconfirmed"][:SHOWN_FINDINGS]


def _units(difference: Difference) -> list[Row]:
    rows: list[Row] = difference.tables["unit_changes"].to_pylist()
    return [row for row in rows if row["state"] in ("died", "revived", "changed")][:SHOWN_UNITS]
