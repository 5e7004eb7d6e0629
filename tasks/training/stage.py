"""A training as a whole: from the listed images to a folder that an audit takes as a model."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tasks.runs.being_written import being_written
from tasks.training.answers import Data
from tasks.training.augmentation import Augmentation
from tasks.training.batches import (
    FeatureBatches,
    InOrder,
    PictureBatches,
    Shuffled,
    load_batches,
)
from tasks.training.checkpoint import read_tensors
from tasks.training.config import WAY_WORDS
from tasks.training.curves import draw_curves
from tasks.training.examples import Examples
from tasks.training.features import Extractor, Features, extract_features
from tasks.training.history import History
from tasks.training.learner import Learner
from tasks.training.loop import learn
from tasks.training.other_backgrounds import replaced_backgrounds
from tasks.training.pictures import Pictures, Unreadable
from tasks.training.plan import TrainPlan, features_key
from tasks.training.replaced import ReplacedBackgrounds
from tasks.training.retrained import retrained
from tasks.training.scalars import Scalars
from tasks.training.standardisation import Standardisation
from tasks.training.targets import group_facts, targets
from tasks.training.trainable import Trainable, trainable
from tasks.training.trained_folder import Outcome, write_trained
from tasks.training.watching import Shown

_THREADS = 4


def train(plan: TrainPlan, shown: Shown) -> dict[str, Any]:
    """Train, or go on; a finished training is left as it is.

    Returns: the content of training.json.

    Raises: AuditError for a folder that holds anything else, for classes that vanish because
    their images cannot be read, and where the training diverges.
    """
    plan.folder.start(plan.identity())
    with being_written(plan.folder.run):
        start = time.monotonic()
        if plan.config.way == "features":
            outcome = _on_features(plan, shown)
        elif plan.config.way == "dfr":
            outcome = retrained(plan, *read_features(plan, shown))
        else:
            outcome = _on_pictures(plan, shown)
        return write_trained(plan, outcome, time.monotonic() - start)


def _on_pictures(plan: TrainPlan, shown: Shown) -> Outcome:
    examples, pictures, unreadable = read_pictures(plan, shown)
    trained = trainable(plan.module, plan.config, plan.head)
    replaced, facts = replaced_backgrounds(plan, examples, shown.advancing)
    data = picture_data(plan, examples, pictures, replaced)
    learner = Learner(trained, data, plan.config, plan.folder, plan.device)
    history = _learn(learner, plan, shown)
    predictions = learner.answers.predictions()
    facts |= group_facts(plan, examples, predictions, pictures)
    return Outcome(learner.module, examples, history, predictions, unreadable, facts)


def picture_data(
    plan: TrainPlan,
    examples: Examples,
    pictures: Pictures,
    replaced: ReplacedBackgrounds | None = None,
) -> Data:
    """Augmented views to train on, and plain ones to measure by.

    replaced : pictures that stand in for some of those to train on
    """
    config = plan.config
    labels, weights = targets(examples, plan)
    order = Shuffled(examples.of(validation=False), config.images_per_step, config.seed)
    in_order = InOrder(examples.of(validation=True), config.images_per_step)
    augmentation = Augmentation(plan.preprocessing, config.seed)
    drawn = PictureBatches(pictures, labels, weights, augmentation, replaced)
    plain = PictureBatches(pictures, labels, weights)
    return Data(
        load_batches(drawn, order, plan.device, config.workers),
        order,
        load_batches(plain, in_order, plan.device, config.workers),
        plan.preprocessing.normalise,
    )


def read_pictures(plan: TrainPlan, shown: Shown) -> tuple[Examples, Pictures, list[Unreadable]]:
    """The examples that can be read, and their pictures.

    Raises: AuditError where a class vanishes.
    """
    pictures = Pictures(plan.examples.uris, plan.preprocessing)
    with shown.advancing("Reading", len(plan.examples)) as advance:
        unreadable = pictures.read_all(_THREADS, advance)
    kept = np.ones(len(plan.examples), dtype=bool)
    kept[[each.row for each in unreadable]] = False
    examples = plan.examples.keep(kept, "unreadable")
    return examples, pictures.of(np.flatnonzero(kept).tolist()), unreadable


def _on_features(plan: TrainPlan, shown: Shown) -> Outcome:
    config = plan.config
    examples, features, unreadable = read_features(plan, shown)
    labels, weights = targets(examples, plan)
    values = torch.from_numpy(features.values)
    standard = Standardisation.of(values[examples.of(validation=False)])
    order = Shuffled(examples.of(validation=False), config.images_per_step, config.seed)
    in_order = InOrder(examples.of(validation=True), config.images_per_step)
    dataset = FeatureBatches(values, labels, weights)
    data = Data(
        load_batches(dataset, order, plan.device, 0),
        order,
        load_batches(dataset, in_order, plan.device, 0),
        standard.to(plan.device),
    )
    torch.manual_seed(config.seed)
    head = nn.Linear(values.shape[1], len(examples.classes.names))
    trained = Trainable(head, dict(head.named_parameters()))
    learner = Learner(trained, data, config, plan.folder, plan.device)
    history = _learn(learner, plan, shown)
    predictions = learner.answers.predictions()
    standard.fold(head.cpu(), plan.module.get_submodule(plan.head))
    facts = group_facts(plan, examples, predictions)
    return Outcome(plan.module, examples, history, predictions, unreadable, facts)


def read_features(plan: TrainPlan, shown: Shown) -> tuple[Examples, Features, list[Unreadable]]:
    """The examples that can be read, and what the frozen base says of them, computed where it is
    not stored yet."""
    extractor = Extractor(plan.module, plan.head, plan.preprocessing, plan.device)
    pictures = Pictures(plan.examples.uris, plan.preprocessing)
    with shown.advancing("Features", len(plan.examples)) as advance:
        features, unreadable = extract_features(
            extractor, pictures, plan.examples, plan.folder.features, features_key(plan), advance
        )
    kept = np.isin(np.arange(len(plan.examples)), features.rows)
    return plan.examples.keep(kept, "unreadable"), features, unreadable


def _learn(learner: Learner, plan: TrainPlan, shown: Shown) -> History:
    """Run the epochs, draw them, and give the module its best weights."""
    folder = plan.folder
    try:
        with Scalars(folder.tensorboard) as scalars:
            learn(learner, [scalars, shown.watcher])
    finally:
        if learner.history:
            draw_curves(folder.curves_file, learner.history, _title(plan))
    tensors, _ = read_tensors(folder.best_checkpoint)
    learner.module.load_state_dict(tensors)
    return learner.history


def _title(plan: TrainPlan) -> str:
    config = plan.config
    head = f" with a {config.cam_head.upper()} head" if config.cam_head else ""
    return f"{Path(config.model).name}{head}, {WAY_WORDS[config.way]}"
