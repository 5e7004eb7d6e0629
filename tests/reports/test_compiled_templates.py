"""Templates are compiled once and kept beside them, where Python keeps compiled modules."""

import errno
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from reports import pages
from reports.pages import PageWriter


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with one template."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text("{{ word }}")
    monkeypatch.setattr(pages, "_PACKAGE", tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return tmp_path


def render(folder: Path, word: str) -> str:
    """By a process that has compiled nothing yet."""
    pages._environment.cache_clear()
    try:
        PageWriter(folder).write("page.html", "page.html", word=word)
    finally:
        pages._environment.cache_clear()
    return (folder / "page.html").read_text()


def run_out_of_disk(*_: Any, **__: Any) -> NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device")


def compiled(package: Path) -> list[Path]:
    return sorted((package / "templates" / "__pycache__").glob("*"))


def test_a_template_is_compiled_once(package, monkeypatch):
    assert render(package, "first") == "first"
    assert len(compiled(package)) == 1
    monkeypatch.setattr("jinja2.Environment._compile", None)
    assert render(package, "again") == "again"


def test_a_changed_template_is_compiled_anew(package):
    render(package, "first")
    (package / "templates" / "page.html").write_text("new {{ word }}")
    assert render(package, "page") == "new page"


def test_what_is_damaged_is_compiled_anew(package):
    render(package, "first")
    compiled(package)[0].write_bytes(b"no bytecode")
    assert render(package, "again") == "again"


def test_nothing_is_kept_where_python_keeps_nothing(package, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert render(package, "first") == "first"
    assert compiled(package) == []


def test_a_folder_that_cannot_be_written(package, monkeypatch):
    monkeypatch.setattr("tempfile.NamedTemporaryFile", run_out_of_disk)
    assert render(package, "first") == "first"
    assert compiled(package) == []
