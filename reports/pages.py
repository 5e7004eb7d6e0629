"""How a page is written: templates, formats, styles and scripts, the same for all pages."""

import shutil
from pathlib import Path
from typing import Any

import jinja2

from reports.formats import FILTERS

_PACKAGE = Path(__file__).parent


class PageWriter:
    """Writes pages into `folder`.

    common : what every page's template is given
    """

    def __init__(self, folder: Path, **common: Any) -> None:
        self.folder = folder
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_PACKAGE / "templates"),
            autoescape=True,
            auto_reload=False,  # or every page asks the disk whether its templates have changed
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(FILTERS)
        self._environment.globals.update(common)

    def write(self, name: str, template: str, **content: Any) -> None:
        """Render `template` to the page `name`, a path in the folder."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        root = "../" * name.count("/")
        page = self._environment.get_template(template).render(root=root, page=name, **content)
        file.write_text(page, encoding="utf-8")

    def write_assets(self) -> None:
        """Styles and scripts."""
        shutil.copytree(_PACKAGE / "static", self.folder / "assets")
