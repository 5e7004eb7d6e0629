"""What each epoch brought."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from tasks.tables.whole_files import write_table

HISTORY = pa.schema(
    {
        "epoch": pa.int32(),  # from 1 on
        "split": pa.string(),  # train or validation
        "loss": pa.float64(),  # weighted mean cross entropy, nats
        "accuracy": pa.float64(),  # share of right answers; of augmented views in training
        "rate": pa.float64(),  # of the head, in the epoch's last step
        "seconds": pa.float64(),
    }
)


@dataclass(frozen=True)
class EpochRow:
    """A row of HISTORY."""

    epoch: int
    split: Literal["train", "validation"]
    loss: float
    accuracy: float
    rate: float
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


History = tuple[EpochRow, ...]


def validation_losses(history: History) -> list[float]:
    """One for each epoch."""
    return [row.loss for row in history if row.split == "validation"]


def write_history(file: Path, history: History) -> None:
    """The table, whole."""
    write_table(file, pa.Table.from_pylist([row.to_dict() for row in history], schema=HISTORY))


def smoothed(values: list[float], momentum: float = 0.6) -> list[float]:
    """Exponential moving average without a bias towards its start: sum over k of
    momentum^(n - k) values[k], over the sum of those weights (algorithm 1 of arXiv:1412.6980).
    """
    means, total, weight = [], 0.0, 0.0
    for value in values:
        total, weight = momentum * total + value, momentum * weight + 1
        means.append(total / weight)
    return means
