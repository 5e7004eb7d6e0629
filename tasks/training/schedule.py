"""Learning rates: of each step of a cosine, of each epoch of a plateau; and when to stop.

All are functions of the step and of the losses so far, so that no state is lost where a training
stops.
"""

import math
from collections.abc import Sequence

import torch

_WARM_UP = 0.05  # of the steps
_PLATEAU_FACTOR = 0.1
_PLATEAU_PATIENCE = 3  # epochs


def cosine_factor(step: int, steps: int) -> float:
    """Share of the highest rate at a step: up in a line over the first twentieth of the steps,
    down in half a cosine (eq. 5, arXiv:1608.03983, without restarts).

    step : from 0 to steps - 1

    Returns: in (0, 1].
    """
    warm_up = math.ceil(_WARM_UP * steps)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def plateau_factor(losses: Sequence[float]) -> float:
    """Share of the first rate after epochs with these validation losses: a tenth of it for every
    time that 3 epochs in a row were no better than the best by 0.01 %."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=_PLATEAU_FACTOR, patience=_PLATEAU_PATIENCE
    )
    for loss in losses:
        scheduler.step(loss)
    return float(optimizer.param_groups[0]["lr"])


def best_epoch(losses: Sequence[float]) -> int:
    """The first epoch, from 1 on, of the lowest validation loss; 0 where there is none."""
    return min(range(len(losses)), key=losses.__getitem__) + 1 if losses else 0


def out_of_patience(losses: Sequence[float], patience: int, since: int = 0) -> bool:
    """Whether the last `patience` epochs brought no lower validation loss.

    since : epochs that do not count, as what is trained changed after them
    """
    return len(losses) - max(best_epoch(losses), since) >= patience
