"""The table at the end of a training, and what to do next."""

import shlex
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from tasks.training.mending_words import mending_lines

if TYPE_CHECKING:
    from tasks.training.config import TrainConfig

_SHOWN = 20


def print_results(config: "TrainConfig", training: dict[str, Any]) -> None:
    """Accuracy of each class, the worst first, and of all; then how to audit the model.

    training : content of training.json
    """
    results, out = training["results"], Console(highlight=False)
    out.print(_table(results))
    for line in _lines(results):
        out.print(line, markup=False, soft_wrap=True)
    command = ["camaudit", "run", "--images", config.images, "--model", config.out]
    if config.annotations:
        command += ["--annotations", config.annotations]
    command += ["--out", f"{config.out}-audit"]
    out.print(f"Audit it with: {shlex.join(command)}", markup=False, soft_wrap=True)


def _table(results: dict[str, Any]) -> Table:
    table = Table(
        Column("class", overflow="fold"),
        Column("accuracy", justify="right"),
        Column("95 %", justify="right"),
        Column("right", justify="right"),
        Column("images", justify="right"),
        title="On the validation images",
    )
    rows = sorted(results["by_class"], key=lambda row: (row["accuracy"], row["class_idx"]))
    for row in rows[:_SHOWN]:
        table.add_row(escape(row["name"]), *_cells(row))
    if rows[_SHOWN:]:
        table.add_row(f"... and {len(rows) - _SHOWN:,} classes that are no worse")
    table.add_section()
    whole = {
        "accuracy": results["accuracy"],
        "accuracy_interval": results["accuracy_interval"],
        "correct": sum(row["correct"] for row in rows),
        "images": results["images"]["validation"],
    }
    table.add_row("all", *_cells(whole), style="bold")
    return table


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    low, high = row["accuracy_interval"]
    return (
        f"{100 * row['accuracy']:.1f} %",
        f"[{100 * low:.1f}, {100 * high:.1f}]".replace("[", r"\["),
        f"{row['correct']:,}",
        f"{row['images']:,}",
    )


def _lines(results: dict[str, Any]) -> list[str]:
    images = results["images"]
    trained = [
        f"{images['train']:,} images trained; {results['epochs']} epochs in "
        f"{_duration(results['seconds_of_epochs'])}; the weights of epoch {results['best_epoch']} "
        f"are kept (validation loss {results['loss']:.3f}); {results['parameters']:,} parameters"
    ]
    lines = mending_lines(results) if "last_layer" in results else trained + mending_lines(results)
    lines += [
        f"{each['uri']} cannot be read (left out): {each['error']}"
        for each in results["unreadable"][:_SHOWN]
    ]
    if len(results["unreadable"]) > _SHOWN:
        lines.append(f"... and {len(results['unreadable']) - _SHOWN:,} more; see training.json")
    return lines


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
