"""`camaudit export`: the images of an audit as files for other tools."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.plain_errors import told_plainly
from flows.progress import console
from flows.run_again import RunPath


class Kind(StrEnum):
    """What can be written."""

    csv = "csv"
    parquet = "parquet"
    uris = "uris"
    coco = "coco"
    fiftyone = "fiftyone"
    pdf = "pdf"


To = Annotated[
    Kind,
    typer.Option(
        help="csv, parquet: a row per image; uris: a list to label again; coco: COCO json; "
        "fiftyone: a dataset's folder; pdf: the audit on one sheet of paper"
    ),
]
Out = Annotated[Path | None, typer.Option(help="File or folder to write; default: in RUN")]
Rows = Annotated[
    str,
    typer.Option(help="Address of the report's page of images: only the rows that it shows"),
]

_NAMES = {
    Kind.csv: "images.csv", Kind.parquet: "images.parquet", Kind.uris: "uris.txt",
    Kind.coco: "coco.json", Kind.fiftyone: "fiftyone", Kind.pdf: "summary.pdf",
}  # fmt: skip


def export(run_folder: RunPath, to: To, out: Out = None, rows: Rows = "") -> None:
    """Write an audit's images for other tools, or the audit on one sheet of paper."""
    # Imported late: --help needs none of it.
    from reports.paper import print_summary
    from tasks.errors import AuditError
    from tasks.runs.own_files import refuse_own_file
    from tasks.tables.storage import RunFolder

    with told_plainly():
        target = out or run_folder / "exports" / _NAMES[to]
        refuse_own_file(RunFolder(run_folder), target)
        if to is not Kind.fiftyone and target.is_dir():
            raise AuditError(f"{target} is a folder; expected a file to write. Give another --out")
        if to is Kind.pdf:
            if rows:
                raise AuditError("--rows chooses images; the sheet of paper is about all of them")
            print_summary(RunFolder(run_folder).report_file.parent, target)
        else:
            _write(run_folder, to, target, rows)
        print(target.resolve())


def _write(run_folder: Path, to: Kind, target: Path, rows: str) -> None:
    from reports.exports.coco import write_coco
    from reports.exports.fiftyone import write_fiftyone
    from reports.exports.image_table import image_table, shown_rows
    from reports.exports.row_files import write_csv, write_parquet, write_uris
    from reports.tables import load_tables
    from tasks.tables.storage import RunFolder

    tables = load_tables(RunFolder(run_folder))
    frame = image_table(tables)
    shown = shown_rows(frame, rows)
    console.print(f"Writing {len(shown):,} of {len(frame):,} images ...", soft_wrap=True)
    plain = {Kind.csv: write_csv, Kind.parquet: write_parquet, Kind.uris: write_uris}
    if to in plain:
        plain[to](shown, target)
    elif to is Kind.coco:
        write_coco(tables, shown, target)
    else:
        write_fiftyone(tables, shown, target)
