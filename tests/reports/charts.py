"""The charts of a page, read from the tables that its script draws."""

import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path


@dataclass(frozen=True)
class ReadChart:
    """places : along the x axis, in per cent
    lines : values by name, as many as places; NaN where the table has none
    """

    title: str
    top: float
    unit: str
    places: list[float]
    lines: dict[str, list[float]]


def read_charts(file: Path) -> list[ReadChart]:
    """In the order of the page."""
    html = file.read_text(encoding="utf-8")
    return [_chart(f) for f in re.findall(r'<figure class="chart".*?</figure>', html, re.DOTALL)]


def _chart(figure: str) -> ReadChart:
    head, *rows = [
        [_text(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
        for row in re.findall(r"<tr>.*?</tr>", figure, re.DOTALL)
    ]
    unit = _attribute(figure, "unit")
    names = [name.removesuffix(f", {unit}") for name in head[1:]]
    numbers = [[float(cell.replace("–", "nan")) for cell in row] for row in rows]
    places, *columns = zip(*numbers, strict=True)
    lines = {name: list(column) for name, column in zip(names, columns, strict=True)}
    title = _text(re.findall(r"<figcaption>.*?</figcaption>", figure)[0])
    return ReadChart(title, float(_attribute(figure, "top")), unit, list(places), lines)


def _text(markup: str) -> str:
    return unescape(" ".join(re.sub("<.*?>", "", markup).split()))


def _attribute(figure: str, name: str) -> str:
    return re.findall(rf'data-{name}="(.*?)"', figure)[0]
