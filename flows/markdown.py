"""Text that is shown as it is where Prefect's pages read Markdown."""

import re

# What CommonMark gives a meaning within a line, and what would be HTML.
_SPECIAL = re.compile(r"([\\`*_<|~]|\](?=\()|&(?=#?\w+;))")


def as_markdown(text: str) -> str:
    """One line that reads as `text`: names of classes and files are never markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
