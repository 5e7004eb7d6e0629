"""The folder of a training: where its files are, and whether it is this training's."""

import json
from pathlib import Path
from typing import Any

from tasks.errors import AuditError
from tasks.model.trained import CLASSES_FILE, MODEL_FILE, TRAINING_FILE
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_json


class TrainingFolder:
    """Paths of one training.

    OUT/started.json             what is trained on what and how: the first file
    OUT/features/part-00000.parquet  what the frozen base says of each image; --way features
    OUT/checkpoints/last.safetensors  all that the next epoch needs
    OUT/checkpoints/best.safetensors  the weights of the lowest validation loss
    OUT/history.parquet          loss and accuracy of each epoch
    OUT/curves.png, OUT/tensorboard/  the same, drawn
    OUT/classes.csv              the folder or label of each output
    OUT/base.py                  a copy of the base's code, where it came from a file
    OUT/model.safetensors        the best weights
    OUT/training.json            the last file of a finished training
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self.started_file = self.root / "started.json"
        self.features = self.root / "features"
        self.last_checkpoint = self.root / "checkpoints" / "last.safetensors"
        self.best_checkpoint = self.root / "checkpoints" / "best.safetensors"
        self.history_file = self.root / "history.parquet"
        self.curves_file = self.root / "curves.png"
        self.tensorboard = self.root / "tensorboard"
        self.classes_file = self.root / CLASSES_FILE
        self.model_file = self.root / MODEL_FILE
        self.training_file = self.root / TRAINING_FILE

    @property
    def run(self) -> RunFolder:
        """For the lock, which is that of all folders that camaudit writes."""
        return RunFolder(self.root)

    def start(self, identity: dict[str, Any]) -> None:
        """Start the folder, or go on with it.

        identity : all that the trained weights depend on, as JSON holds it

        Raises: AuditError where the folder holds another training or anything else.
        """
        if self.root.exists() and not self.root.is_dir():
            raise AuditError(f"{self.root} is a file; expected a folder. Give another --out")
        if not self.started_file.exists():
            if self.root.exists() and any(e.name != ".lock" for e in self.root.iterdir()):
                raise AuditError(
                    f"{self.root} is not empty and holds no training; expected a new folder or "
                    "one of an earlier training. Give another --out"
                )
            write_json(self.started_file, identity)
        elif found := _differences(self._started(), identity):
            raise AuditError(
                f"{self.root} holds a training of another configuration:\n  "
                + "\n  ".join(found)
                + "\nGive another --out, or remove that folder."
            )

    def is_finished(self) -> bool:
        """Whether training.json, the last file, is there."""
        return self.training_file.exists()

    def _started(self) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads(self.started_file.read_text(encoding="utf-8"))
            if not isinstance(content, dict) or "camaudit" not in content:
                raise ValueError("it is not of camaudit")
        except (OSError, ValueError) as error:
            raise AuditError(
                f"{self.started_file} cannot be read ({error}); expected the file that "
                "'camaudit train' writes. Give another --out, or remove that folder"
            ) from error
        return content


def _differences(stored: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """What the started training has otherwise, a line each."""
    plain = json.loads(json.dumps(wanted))
    lines = []
    for part in sorted({*stored, *plain} - {"camaudit"}):
        old, new = stored.get(part), plain.get(part)
        if isinstance(old, dict) and isinstance(new, dict):
            keys = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
            lines += [f"{k}: {old.get(k)!r} there, {new.get(k)!r} asked for" for k in keys]
        elif old != new:
            lines.append(f"{part}: {_shown(old)} there, {_shown(new)} asked for")
    return lines


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:57]}..."
