"""What is done in a step and at the end of an epoch, and all that is stored between."""

import math
import time
from pathlib import Path

import torch
from torch import nn

from tasks.errors import AuditError
from tasks.model.precision import arithmetic
from tasks.training.answers import Answers, Data
from tasks.training.augmentation import seed_of
from tasks.training.batches import Batch
from tasks.training.checkpoint import (
    read_checkpoint,
    take_checkpoint,
    write_checkpoint,
    write_tensors,
)
from tasks.training.config import TrainConfig
from tasks.training.folder import TrainingFolder
from tasks.training.history import EpochRow, History, validation_losses, write_history
from tasks.training.schedule import best_epoch, cosine_factor, out_of_patience, plateau_factor
from tasks.training.trainable import Trainable


class Learner:
    """Trains a module epoch by epoch; a checkpoint stands behind each."""

    def __init__(
        self,
        trained: Trainable,
        data: Data,
        config: TrainConfig,
        folder: TrainingFolder,
        device: torch.device,
    ) -> None:
        self.trained, self.data, self.config = trained, data, config
        self.folder, self.device = folder, device
        self.history: History = ()
        self._started = 0.0
        self.module = trained.module.to(device)
        self.optimizer = torch.optim.AdamW(
            trained.groups(config), lr=config.first_rate, weight_decay=config.weight_decay
        )
        self.dtype = arithmetic(config.precision, device)
        self.answers = Answers(self.module, data, self.dtype, device)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.dtype == torch.float16)

    def resume(self) -> int:
        """Take up the last checkpoint, if there is one.

        Returns: the epochs that are done.

        Raises: AuditError for a damaged checkpoint.
        """
        if not self.folder.last_checkpoint.exists():
            return 0
        stored = read_checkpoint(self.folder.last_checkpoint)
        self.module.load_state_dict(stored.model)
        self.optimizer.load_state_dict(stored.optimizer)
        if stored.scaler:
            self.scaler.load_state_dict(stored.scaler)
        self.history = stored.history
        return stored.epoch

    def begin_epoch(self, epoch: int) -> None:
        """Set all that depends on the epoch: what is trained, the order, the generators."""
        self.trained.begin(epoch)
        self.data.order.epoch = epoch
        torch.manual_seed(seed_of(self.config.seed, epoch))
        self._started = time.monotonic()

    def step(self, batch: Batch, epoch: int, step: int) -> tuple[float, float]:
        """One step of the optimizer.

        step : over all epochs, from 0 on

        Returns: the loss, and the share of right answers.

        Raises: AuditError for a loss or a gradient that is no number.
        """
        batch = batch.to(self.device)
        self._set_rates(step)
        self.optimizer.zero_grad(set_to_none=True)
        logits, loss = self.answers.forward(batch, self.config.smoothing)
        if not math.isfinite(loss.item()):
            raise self._diverged(f"the loss is {loss.item()}", epoch, step)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        parameters = [p for g in self.optimizer.param_groups for p in g["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, self.config.clip)
        # With float16 the scaler skips such a step and scales less the next time.
        if not self.scaler.is_enabled() and not math.isfinite(norm.item()):
            raise self._diverged(f"the gradient's norm is {norm.item()}", epoch, step)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.item(), float((logits.argmax(dim=1) == batch.labels).float().mean())

    def end_epoch(self, epoch: int, loss: float, accuracy: float) -> None:
        """Measure, and store all that the next epoch needs.

        loss, accuracy : means over the steps

        Raises: AuditError for a validation loss that is no number; the last checkpoint stays.
        """
        start = time.monotonic()
        seconds = start - self._started
        rate = float(self.optimizer.param_groups[0]["lr"])
        of_validation = self.answers.measure()
        if not math.isfinite(of_validation[0]):
            raise self._diverged(f"the validation loss is {of_validation[0]}", epoch)
        self.history += (
            EpochRow(epoch, "train", loss, accuracy, rate, seconds),
            EpochRow(epoch, "validation", *of_validation, rate, time.monotonic() - start),
        )
        if best_epoch(validation_losses(self.history)) == epoch:
            write_tensors(self.folder.best_checkpoint, self.module.state_dict(), {"epoch": epoch})
        state = take_checkpoint(self.module, self.optimizer, self.scaler.state_dict(), self.history)
        write_checkpoint(self.folder.last_checkpoint, state)
        write_history(self.folder.history_file, self.history)

    @property
    def stops_early(self) -> bool:
        """Whether patience is at its end; not before the last blocks have had their turn."""
        since = self.trained.head_epochs if self.trained.blocks else 0
        losses = validation_losses(self.history)
        return out_of_patience(losses, self.config.patience, since)

    def _set_rates(self, step: int) -> None:
        per_epoch = len(self.data.order)
        for group, start in zip(self.optimizer.param_groups, self._starts(), strict=True):
            if self.config.schedule == "plateau":
                factor = plateau_factor(validation_losses(self.history)[start:])
            else:
                steps = (self.config.all_epochs - start) * per_epoch
                factor = cosine_factor(max(0, step - start * per_epoch), max(1, steps))
            group["lr"] = group["first_rate"] * factor

    def _starts(self) -> list[int]:
        """Epochs before which each group of parameters is not trained."""
        return [0, self.trained.head_epochs][: len(self.optimizer.param_groups)]

    def _diverged(self, what: str, epoch: int, step: int | None = None) -> AuditError:
        where = f"epoch {epoch}" + ("" if step is None else f", step {step + 1}")
        last: Path = self.folder.last_checkpoint
        kept = (
            f"The last good checkpoint, of epoch {self.history[-1].epoch}, stays: {last}"
            if self.history
            else "No epoch was finished, so there is no checkpoint"
        )
        return AuditError(
            f"{what} at {where}: the training has diverged. {kept}. Give a lower --rate (it was "
            f"{self.config.first_rate:g}; try {self.config.first_rate / 10:g}) and another --out"
        )
