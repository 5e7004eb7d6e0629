"""The pages of the background for runs of other kinds: no second pass, no labels, no mistakes."""

import re
from pathlib import Path

import pytest

from reports.build import build_report
from tasks.errors import AuditError
from tasks.tables.storage import RunFolder
from tests.reports import background_numbers as numbers
from tests.reports.page import Page
from tests.reports.small_run import CLASSES, write_small_run

CAUSAL = re.compile(
    r"\b(driven|drives?|because|causes?|caused|due to|rel(y|ies|iance)|depends?|decide[sd]?|"
    r"turns?|turned|leans?|leaning|follows?)\b"
)


def test_without_a_second_pass_nothing_causal_is_said(tmp_path: Path) -> None:
    run = write_small_run(tmp_path)
    tables = numbers.write(run.folder, second_pass=False)
    folder = build_report(run.folder).parent
    page = Page(folder / "background.html")
    assert "The second pass is off." in page.text
    assert CAUSAL.search(page.text.lower()) is None
    assert not list(folder.glob("strips-*")) and not list(folder.glob("leaning-*"))
    stated = [row for row in tables["findings"] if row["text"] in page.text]
    assert [row["kind"] for row in stated] == ["context"]
    pair = next(row for row in tables["background_stats"] if row["group"] == "pair")
    own = [
        row
        for row in tables["verdicts"]
        if (row["label"], row["predicted"]) == (pair["label"], pair["predicted"])
    ]
    suspected = sum(row["verdict"] == "suspected" for row in own)
    cells = page.row(f"{CLASSES[pair['label']]} → {CLASSES[pair['predicted']]}")
    assert cells[1] == str(len(own))
    assert f"{suspected} of {len(own)} mistake" in cells[2]
    marked = Page(folder / "mistakes-1.html").text
    assert "by the first pass" in marked and "How it was tested" not in marked
    assert "No image was changed and run again" in Page(folder / "index.html").text
    assert "No second pass was run" in Page(folder / "limits.html").text


@pytest.mark.parametrize("empty", [(), ("background", "verdicts", "background_stats", "findings")])
def test_without_labels_there_are_contexts_and_patterns_only(
    tmp_path: Path, empty: tuple[str, ...]
) -> None:
    run = write_small_run(tmp_path, labelled=False)
    assert set(numbers.write(run.folder)) == {"context_clusters", "explanation_clusters"}
    for name in empty:
        numbers.store(RunFolder(run.folder), name, [])
    folder = build_report(run.folder).parent
    assert not (folder / "background.html").exists()
    links = [link["href"] for link in Page(folder / "index.html").all("a")]
    assert "contexts.html" in links and "background.html" not in links
    contexts = Page(folder / "contexts.html").text
    assert "No image has a label" in contexts and "replicated" not in contexts
    assert "Patterns of evidence" in Page(folder / "classes" / "0.html").text
    assert "there is no mistake to test" in Page(folder / "limits.html").text


def test_an_older_audit_has_no_pages_of_it(tmp_path: Path) -> None:
    folder = build_report(write_small_run(tmp_path).folder).parent
    assert not list(folder.glob("background*")) and not list(folder.glob("contexts*"))
    assert "This audit has no tables of it" in Page(folder / "limits.html").text
    assert "Patterns of evidence" not in Page(folder / "classes" / "0.html").text


def test_without_mistakes_no_share_of_them_is_claimed(tmp_path: Path) -> None:
    run = write_small_run(tmp_path, mistakes=False)
    numbers.write(run.folder)
    folder = build_report(run.folder).parent
    page = Page(folder / "background.html")
    assert "There is no mistake to explain." in page.text
    assert "Pairs of classes" not in page.text and not list(folder.glob("strips-*"))
    assert page.row("apple")[1:3] == ["0", "– none to test"]
    assert "nan" not in page.text


def test_a_budget_too_small_for_any_image_is_told(tmp_path: Path) -> None:
    run = write_small_run(tmp_path)
    numbers.write(run.folder, tested=0)
    (run.folder / "tables" / "evidence" / "merged.parquet").unlink()
    folder = build_report(run.folder).parent
    page = Page(folder / "background.html")
    assert "0 of 40 labelled images were changed and run again" in page.text
    assert "No mistake was among them." in page.text and "nan" not in page.text
    assert "10 of 10 mistakes. The verdict on each" in Page(folder / "limits.html").text
    assert not list(folder.glob("strips-*"))


def test_a_verdict_without_words_is_an_error(tmp_path: Path) -> None:
    run = write_small_run(tmp_path)
    numbers.write(run.folder)
    folder = RunFolder(run.folder)
    verdicts = folder.dataset("verdicts").to_table().to_pylist()
    verdicts[1]["verdict"] = "perhaps"
    numbers.store(folder, "verdicts", verdicts)
    with pytest.raises(AuditError, match="no words for the verdict 'perhaps'; known are confirmed"):
        build_report(run.folder)
