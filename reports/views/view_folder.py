"""The folder of a view: an index.html that appears whole, and never on top of other work."""

import importlib.metadata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reports.folder_swap import replaced_folder
from reports.pages import PageWriter
from tasks.errors import AuditError
from tasks.runs.own_files import VIEW_FILE, is_view
from tasks.tables.whole_files import write_json


def refuse_other_folder(folder: Path) -> None:
    """Let a view be written to a new or empty folder, or over an earlier view.

    Raises: AuditError for a file, and for a folder with anything else in it.
    """
    if folder.exists() and not folder.is_dir():
        raise AuditError(f"{folder} is a file; expected a folder to write. Give another --out")
    if folder.is_dir() and any(folder.iterdir()) and not is_view(folder.resolve()):
        raise AuditError(
            f"{folder} is not empty and holds no view of camaudit; expected a new folder or one of "
            "an earlier view. Give another --out"
        )


@contextmanager
def view_writer(
    folder: Path, title: str, model_name: str, facts: dict[str, Any]
) -> Iterator[PageWriter]:
    """A writer for templates that extend view_base.html; an earlier view stays until the
    block succeeds.

    facts : content of view.json, the page's numbers for other programs

    Raises: AuditError as `refuse_other_folder`.
    """
    folder = folder.resolve()
    refuse_other_folder(folder)
    version = importlib.metadata.version("camaudit")
    with replaced_folder(folder) as temporary:
        pages = PageWriter(temporary, title=title, model_name=model_name, version=version, note="")
        pages.write_assets()
        yield pages
        write_json(temporary / VIEW_FILE, {"camaudit": version, "title": title, **facts})
