"""How a page is written: templates, formats, styles and scripts, the same for all pages."""

import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket

from reports.formats import FILTERS
from reports.spread import spread

_PACKAGE = Path(__file__).parent


Pages = Iterable[tuple[str, dict[str, Any]]]  # name and content of each


class PageWriter:
    """Writes pages into `folder`.

    common : what every page's template is given
    """

    def __init__(self, folder: Path, **common: Any) -> None:
        self.folder = folder
        self._common = common
        self._begun: list[Iterator[None]] = []

    def write(self, name: str, template: str, **content: Any) -> None:
        """Render `template` to the page `name`, a path in the folder."""
        _write_page(self.folder, template, self._common, (name, content))

    def begin(self, template: str, pages: Pages, /, **common: Any) -> None:
        """Render `template` to many pages, which `finish` waits for.

        common : what all of them are given, too; like their content it has to be picklable
        """
        work = partial(_write_page, self.folder, template, self._common | common)
        self._begun.append(spread(work, pages))

    def finish(self) -> None:
        """Wait for the pages that were begun."""
        for pages in self._begun:
            for _ in pages:
                pass
        self._begun.clear()

    def write_assets(self) -> None:
        """Styles and scripts."""
        shutil.copytree(_PACKAGE / "static", self.folder / "assets")


@cache
def _environment() -> jinja2.Environment:
    """One for all pages of a process: a template is compiled once."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PACKAGE / "templates"),
        autoescape=True,
        auto_reload=False,  # or every page asks the disk whether its templates have changed
        undefined=jinja2.StrictUndefined,
        bytecode_cache=_CompiledTemplates(str(_PACKAGE / "templates" / "__pycache__")),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment


class _CompiledTemplates(jinja2.FileSystemBytecodeCache):
    """Beside the templates, as Python keeps compiled modules, and only where it does."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):  # a folder of somebody else's, a full disk
            if not sys.dont_write_bytecode:
                Path(self.directory).mkdir(exist_ok=True)
                super().dump_bytecode(bucket)


def _write_page(
    folder: Path, template: str, common: dict[str, Any], page: tuple[str, dict[str, Any]]
) -> None:
    name, content = page
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    root = "../" * name.count("/")
    rendered = _environment().get_template(template)
    text = rendered.render({**common, **content, "root": root, "page": name})
    file.write_text(text, encoding="utf-8")
