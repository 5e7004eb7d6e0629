"""The outcome of a check as a Prefect artifact reads it."""

from flows.markdown import as_markdown
from tasks.check.check import Case, CheckResult
from tasks.check.words import denominators, measured_words

MOST_ROWS = 200


def check_artifact_markdown(result: CheckResult) -> str:
    """Markdown: what broke first, then what could not be judged, and how many limits were kept."""
    broken, skipped = result.of("broken"), result.of("skipped")
    lines = [
        f"# Policy {'kept' if result.kept else 'broken'}",
        "",
        f"`{result.run}`" + (f" against `{result.against}`" if result.against else ""),
        "",
        f"{len(broken):,} broken, {len(skipped):,} not judged, {len(result.of('kept')):,} kept.",
    ]
    if broken:
        head = ["Limit", "Subject", "Measured", "Allowed", "Of"]
        lines += ["", "## Broken", "", *_table(head, [_broken(case) for case in broken])]
    if skipped:
        rows = [[c.limit.title, c.measured.subject, c.reason] for c in skipped]
        lines += ["", "## Not judged", "", *_table(["Limit", "Subject", "Why"], rows)]
    return "\n".join(lines) + "\n"


def _broken(case: Case) -> list[str]:
    measured = case.reason or measured_words(case)
    subject = case.measured.subject
    return [case.limit.title, subject, measured, case.limit.words, denominators(case)]


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows[:MOST_ROWS])]
    if len(rows) > MOST_ROWS:
        lines += ["", f"… and {len(rows) - MOST_ROWS:,} more"]
    return lines


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(as_markdown(cell) for cell in cells)} |"
