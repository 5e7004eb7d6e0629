"""Reads a page of the report as a browser would, without one."""

from html.parser import HTMLParser
from pathlib import Path

Attributes = dict[str, str]


class Page(HTMLParser):
    """text : what is read aloud, with single spaces
    tags : (name, attributes) of every element, in order
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self.tags: list[tuple[str, Attributes]] = []
        self._words: list[str] = []
        self._rows: list[list[str]] = []
        self._in_cell = False
        self.feed(file.read_text(encoding="utf-8"))
        self.text = " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        if tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        self._words.append(data)
        if self._in_cell:
            self._rows[-1][-1] += data

    def all(self, tag: str) -> list[Attributes]:
        """Attributes of the elements of one kind."""
        return [attributes for name, attributes in self.tags if name == tag]

    def row(self, first: str) -> list[str]:
        """The cells of the table row that begins with `first`."""
        for row in self._rows:
            cells = [" ".join(cell.split()) for cell in row]
            if cells and cells[0] == first:
                return cells
        raise AssertionError(f"{self.file.name} has no row {first!r}")
