"""Names from data that look like HTML: every page has the elements that it has with plain names.

Each page is drawn twice, with plain and with hostile names of equal length in the same places. No
name of an element or of an attribute may differ, so none comes from the data.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reports.build import build_report
from reports.diff.diff_page import write_diff_page
from reports.views.explain_page import write_explain_page
from reports.views.units_page import write_units_page
from tasks.diff.stage import compare_runs
from tasks.tables.storage import RunFolder
from tests.reports import faithfulness_numbers
from tests.reports.chromium import NEEDS_CHROMIUM, open_chromium
from tests.reports.explorer_numbers import CAMERAS, write_explored_run
from tests.reports.page import Page
from tests.reports.small_run import CLASSES, NAMES
from tests.reports.test_explain_page import ODD, explanation
from tests.reports.test_units_page import view
from tests.reports.unit_numbers import EARLY
from tests.tasks.compared_runs import image, write_run
from tests.tasks.tiny_audit import draw

HOSTILE = (
    "</script><script>alert(1)</script>\"><img onerror=alert(1) src=x>' onload='alert(1)"
    "</title></style><!--{{7*7}}${7*7}<svg/onload=alert(1)>javascript:alert(1)"
)
PLAIN = "x" * len(HOSTILE)
Names = Callable[[str], str]


def ending(end: str, *words: str) -> Names:
    """Puts `end` behind each of some words wherever one stands."""

    def named(text: str) -> str:
        for word in words:
            text = text.replace(word, word.split("<")[0].split('"')[0] + end)
        return text

    return named


def renamed(value: Any, names: Names) -> Any:
    """The value with every text in it renamed."""
    if isinstance(value, str):
        return names(value)
    if isinstance(value, dict):
        return {key: renamed(each, names) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([renamed(each, names) for each in value])
    if is_dataclass(value) and not isinstance(value, type):
        own = {field.name: getattr(value, field.name) for field in fields(value)}
        return replace(value, **renamed(own, names))
    return value


def elements(folder: Path) -> dict[str, list[tuple[str, list[str]]]]:
    """By page, the elements in order with the names of their attributes."""
    pages = sorted(folder.rglob("*.html"))
    return {
        str(page.relative_to(folder)): [(tag, sorted(own)) for tag, own in Page(page).tags]
        for page in pages
    }


def assert_same_elements(plain: Path, hostile: Path) -> None:
    expected, found = elements(plain), elements(hostile)
    assert list(found) == list(expected)
    for page, tags in expected.items():
        assert found[page] == tags, page
    texts = [page.read_text() for page in hostile.rglob("*.html")]
    assert any("{{7*7}}" in text for text in texts), "no page holds the name"
    for attributes in (own for page in hostile.rglob("*.html") for _, own in Page(page).tags):
        assert not attributes.get("href", "").lower().startswith("javascript:")


def site(folder: Path, names: Names) -> Path:
    """The report of a run whose every table has other names."""
    made = write_explored_run(folder)
    faithfulness_numbers.write(made.folder)
    run = RunFolder(made.folder)
    for file in sorted((run.root / "tables").rglob("*.parquet")):
        table = pq.read_table(file)
        rows = [renamed(row, names) for row in table.to_pylist()]
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), file)
    run.audit_file.write_text(json.dumps(renamed(run.audit(), names)))
    for file in [*folder.glob("images/*")]:
        to = Path(names(str(file)))
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, to)
    return build_report(run.root).parent


WORDS = (
    *CLASSES, *NAMES.values(), *CAMERAS, EARLY, "camera", "site", "layer4", "no <decode>",
    "Fruit <audit>", "Synthetic & small.", "torchvision:resnet18", "resnet18", "fruit", "/gone/",
)  # fmt: skip


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    made = [tmp_path_factory.mktemp(name) for name in ("plain", "hostile")]
    plain, hostile = (
        site(folder, ending(end, *WORDS))
        for folder, end in zip(made, (PLAIN, HOSTILE), strict=True)
    )
    return plain, hostile


def test_the_report(sites: tuple[Path, Path]) -> None:
    assert len(elements(sites[0])) > 20
    assert_same_elements(*sites)


def test_two_audits(tmp_path: Path) -> None:
    pages = []
    for name, end in (("plain", PLAIN), ("hostile", HOSTILE)):
        folder, rows = tmp_path / name, []
        classes = [f"{each}{end}" for each in ("ant", "bee", "cat")]
        for i in range(12):
            (folder / end).mkdir(parents=True, exist_ok=True)
            file = draw(folder / end / f"{i}.png", seed=i, size=(20, 20))
            rows.append(image(str(file), i % 2, i % 2, tags=[(f"t{end}", f"v{end}{i % 2}")]))
        lost = [row | {"predicted": 2} if i < 8 else row for i, row in enumerate(rows)]
        finding = {"kind": "pair", "label": 0, "predicted": 2, "subject": f"ant -> {end}"}
        runs = [
            write_run(folder / f"a{end}" / "run", rows, classes=classes),
            write_run(folder / f"b{end}" / "run", lost, classes=classes, findings=[finding]),
        ]
        pages.append(write_diff_page(compare_runs(*runs), tmp_path / f"{name}-page").parent)
    assert_same_elements(*pages)


def test_explained_images(tmp_path: Path) -> None:
    words = (ODD, "ape", "Guided backpropagation", "unit 7 of relu", "model.py", "IS-CAM", "conv1")
    pages = [
        write_explain_page(renamed(explanation("a/1.png"), ending(end, *words)), tmp_path / name)
        for name, end in (("plain", PLAIN), ("hostile", HOSTILE))
    ]
    assert_same_elements(*(page.parent for page in pages))


def test_synthetic_inputs(tmp_path: Path) -> None:
    words = ("<b>fish</b>", "features", "/home/me/nets/model.py")
    pages = [
        write_units_page(renamed(view(), ending(end, *words)), tmp_path / name)
        for name, end in (("plain", PLAIN), ("hostile", HOSTILE))
    ]
    assert_same_elements(*(page.parent for page in pages))


class TestInABrowser:
    pytestmark = NEEDS_CHROMIUM

    def test_scripts_make_no_element_of_a_name(
        self, sites: tuple[Path, Path], tmp_path: Path
    ) -> None:
        with open_chromium(tmp_path / "profile") as browser:
            for page in ("index.html", "images.html"):
                browser.get((sites[1] / page).as_uri())
                made = (
                    "return document.querySelectorAll('img[src=x], svg[onload], [onerror]').length"
                )
                assert browser.execute_script(made) == 0
                assert "{{7*7}}" in browser.execute_script("return document.body.innerText"), page
            assert not browser.get_log("browser")  # an alert would have raised by now
