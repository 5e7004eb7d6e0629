"""The measures of maps on a terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.faithfulness.faithfulness_table import Cell, Column, Row, measure_columns, method_rows
from reports.faithfulness.stored_faithfulness import StoredFaithfulness

_METHOD_WIDTH, _CELL_WIDTH = 27, 26


def print_faithfulness(stored: StoredFaithfulness, console: Console) -> None:
    """Methods by measures, means with 95 % intervals, as many columns side by side as fit."""
    columns = measure_columns(stored.summary)
    rows = method_rows(stored.summary, columns, stored.facts["reference"])
    across = max(1, (console.width - _METHOD_WIDTH) // _CELL_WIDTH)
    for first in range(0, len(columns), across):
        console.print(_table(columns, rows, range(len(columns))[first : first + across]))
    console.print(
        "* the best, or not told apart from it; baselines, below the line, have not seen the "
        "image. 95 % bootstrap intervals over images."
    )


def _table(columns: list[Column], rows: list[Row], part: range) -> Table:
    table = Table("method")
    for place in part:
        better = "↑" if columns[place].better == "higher" else "↓"
        table.add_column(f"{columns[place].words.title} {better}", justify="right", no_wrap=True)
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        last_method = not row.baseline and following is not None and following.baseline
        cells = [_text(row.cells[place]) for place in part]
        style = "dim" if row.baseline else ""
        table.add_row(Text(row.method), *cells, style=style, end_section=last_method)
    return table


def _text(cell: Cell | None) -> Text:
    if cell is None:
        return Text("–")
    best = cell.mark == "best"
    mark = "* " if best else ""
    return Text(f"{mark}{cell.text} {cell.interval}", style="bold green" if best else "")
