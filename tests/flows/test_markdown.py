"""Names in Prefect's Markdown, held against a CommonMark reader."""

import html
import re

import pytest
from markdown_it import MarkdownIt

from flows.markdown import as_markdown


@pytest.mark.parametrize(
    "text",
    [
        "n01440764_tench", "__background__", "*star*", "`code`", "~~gone~~", "a|b", "back\\slash",
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[link](javascript:1)",
        "![picture](http://x)", "<http://example.org>", "AT&T", "&lt;b&gt;", "&#60;", "日本 é",
        "0.600 [0.387, 0.781]", "\\*", "\\",
    ],
)  # fmt: skip
def test_a_name_reads_as_it_is(text: str) -> None:
    for reader in (MarkdownIt(), MarkdownIt().enable("strikethrough")):
        assert html.unescape(reader.renderInline(as_markdown(text))) == text
    page = MarkdownIt().enable("table").render(f"| a |\n| - |\n| {as_markdown(text)} |\n")
    assert [html.unescape(cell) for cell in re.findall("<td>(.*)</td>", page)] == [text]


def test_a_name_is_one_line() -> None:
    assert as_markdown("a\n\n# b\tc\u2028d") == "a # b c d"
