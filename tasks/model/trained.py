"""Models that `camaudit train` wrote."""

import json
from pathlib import Path
from typing import Any

from tasks.errors import AuditError
from tasks.model.loaded import LoadedModel, fill
from tasks.model.recipe import Recipe, build
from tasks.model.weights import load_state_dict

TRAINING_FILE = "training.json"
MODEL_FILE = "model.safetensors"
CLASSES_FILE = "classes.csv"
TRAINING_SCHEMA = 1


def read_training(folder: Path) -> dict[str, Any]:
    """The content of training.json, the last file of a finished training.

    Raises: AuditError where the training has not finished or the file is none of ours.
    """
    file = folder / TRAINING_FILE
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        schema = content["schema"]
        Recipe.from_dict(content), content["classes"], content["preprocessing"]["crop"]
    except FileNotFoundError as error:
        raise AuditError(
            f"{folder} holds no finished training: {TRAINING_FILE} is missing. Run the same "
            "'camaudit train' command again; it goes on where it stopped"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AuditError(
            f"{file} cannot be read ({error!r}); expected the file that 'camaudit train' writes. "
            "Train again into another --out"
        ) from error
    if schema != TRAINING_SCHEMA:
        raise AuditError(
            f"{file} was written by another version of camaudit: expected schema "
            f"{TRAINING_SCHEMA}, got {schema}. Train again into another --out"
        )
    return content


def load_trained(spec: str, weights: str | None) -> LoadedModel:
    """The model of a training's folder with its preprocessing, classes and weights.

    Raises: AuditError for a folder without a finished training, and where the code of its base
    is no longer what it was.
    """
    if weights is not None:
        raise AuditError(f"{spec} holds its own weights; leave --weights out")
    folder = Path(spec)
    facts = read_training(folder)
    names = tuple(facts["classes"])
    stated = facts["preprocessing"].items()
    preprocessing: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in stated}
    built = build(Recipe.from_dict(facts), folder, len(names), preprocessing["crop"])
    file = str(folder / MODEL_FILE)
    fill(built.module, load_state_dict(file), file, spec)
    classes_file = folder / CLASSES_FILE
    return LoadedModel(
        built.module,
        preprocessing,
        names,
        source=built.source,
        classes_file=str(classes_file) if classes_file.is_file() else None,
    )
