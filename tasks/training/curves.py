"""The picture of a training: loss and accuracy by epoch."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tasks.tables.whole_files import atomic_path
from tasks.training.history import History, smoothed, validation_losses
from tasks.training.schedule import best_epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of Okabe and Ito (2008): told apart by those who do not see red and green, and in grey.
_COLOURS = {"train": "#0072b2", "validation": "#d55e00"}
_WORDS = {"train": "training", "validation": "validation"}


def draw_curves(file: Path, history: History, title: str) -> None:
    """Raw curves thin, smoothed ones thick; the epoch whose weights are kept is marked.

    history : of one epoch or more
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    best = best_epoch(validation_losses(history))
    losses, accuracies = figure.subplots(1, 2)
    _draw(losses, history, "loss", best)
    _draw(accuracies, history, "accuracy", best)
    accuracies.plot([], [], color="#777777", linewidth=0.8, label="thin: as measured")
    losses.set_ylim(bottom=0)
    losses.set_title("Loss (nats)", loc="left", fontsize=11)
    accuracies.set_ylim(0, 1)
    accuracies.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    accuracies.set_title("Accuracy", loc="left", fontsize=11)
    accuracies.legend(loc="lower right", frameon=False, fontsize=9)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    with atomic_path(file) as temporary:
        figure.savefig(temporary, format="png", dpi=150)


def _draw(axes: "Axes", history: History, what: Literal["loss", "accuracy"], best: int) -> None:
    from matplotlib.ticker import MaxNLocator

    for split, colour in _COLOURS.items():
        rows = [row for row in history if row.split == split]
        epochs, values = [row.epoch for row in rows], [getattr(row, what) for row in rows]
        axes.plot(epochs, values, color=colour, linewidth=0.8, alpha=0.55)
        axes.plot(epochs, smoothed(values), color=colour, linewidth=2.2, label=_WORDS[split])
        if split == "validation":
            kept = values[best - 1]
            axes.plot([best], [kept], "o", color=colour, markersize=7, markeredgecolor="white",
                      label=f"kept: epoch {best}")  # fmt: skip
    axes.axvline(best, color="#888888", linewidth=0.8, linestyle=":")
    axes.set_xlabel("epoch")
    axes.set_xlim(0.5, max(row.epoch for row in history) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
