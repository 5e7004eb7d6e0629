"""The epochs of a training, from where it stopped to its end."""

import logging
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from ignite.engine import Engine, Events
from ignite.metrics import Average

from tasks.training.batches import Batch
from tasks.training.history import History
from tasks.training.learner import Learner
from tasks.training.watching import Watcher

# What an engine logs of an exception, the exception tells; without a handler it would be printed.
logging.getLogger("ignite").addHandler(logging.NullHandler())


def learn(learner: Learner, watchers: Sequence[Watcher]) -> History:
    """Run the epochs that are missing.

    Raises: AuditError where the training diverges; the last good checkpoint is kept.
    """
    epochs, steps = learner.config.all_epochs, len(learner.data.order)
    done = learner.resume()
    if done >= epochs or (done and learner.stops_early):
        return learner.history
    for watcher in watchers:
        watcher.start(learner.history, epochs, steps)
    trainer = _engine(learner, watchers)
    if done:
        trainer.load_state_dict({"epoch": done, "max_epochs": epochs, "epoch_length": steps})
    trainer.run(learner.data.train, max_epochs=epochs, epoch_length=steps)
    return learner.history


def _engine(learner: Learner, watchers: Sequence[Watcher]) -> Engine:
    def one_step(engine: Engine, batch: Batch) -> tuple[float, float]:
        return learner.step(batch, engine.state.epoch, engine.state.iteration - 1)

    def tell_step(engine: Engine) -> None:
        output: Any = engine.state.output
        for watcher in watchers:
            watcher.step(engine.state.iteration, output[0])

    def end_epoch(engine: Engine) -> None:
        learner.end_epoch(engine.state.epoch, **engine.state.metrics)
        for watcher in watchers:
            watcher.end_epoch(learner.history)
        if learner.stops_early:
            engine.terminate()

    trainer = Engine(one_step)
    for index, name in enumerate(("loss", "accuracy")):
        Average(itemgetter(index)).attach(trainer, name)
    trainer.add_event_handler(Events.EPOCH_STARTED, lambda e: learner.begin_epoch(e.state.epoch))
    trainer.add_event_handler(Events.ITERATION_COMPLETED, tell_step)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, end_epoch)
    return trainer
