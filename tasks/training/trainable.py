"""Which weights are trained, from which epoch on, at which share of the rate."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import nn

from tasks.training.blocks import last_parameters
from tasks.training.config import TrainConfig


@dataclass
class Trainable:
    """A module whose head is trained from the first epoch on, and its last blocks later.

    head : by name
    blocks : by name; trained from epoch `head_epochs` + 1 on
    keeps_mode : whether the module stays in eval mode, so that a base's batch norms and its means
        stay as they are
    """

    module: nn.Module
    head: dict[str, nn.Parameter]
    blocks: dict[str, nn.Parameter] = field(default_factory=dict)
    head_epochs: int = 0
    keeps_mode: bool = False

    def begin(self, epoch: int) -> None:
        """Before an epoch, from 1 on."""
        self.module.train(not self.keeps_mode)
        for parameter in self.module.parameters():
            parameter.requires_grad_(False)
        for parameter in self._trained(epoch):
            parameter.requires_grad_(True)

    def _trained(self, epoch: int) -> Iterator[nn.Parameter]:
        yield from self.head.values()
        if epoch > self.head_epochs:
            yield from self.blocks.values()

    def groups(self, config: TrainConfig) -> list[dict[str, object]]:
        """Parameter groups of the optimizer, each with its highest rate as `first_rate`."""
        groups: list[dict[str, object]] = [
            {"params": list(self.head.values()), "first_rate": config.first_rate}
        ]
        if self.blocks:
            rate = config.first_rate * config.block_rate
            groups.append({"params": list(self.blocks.values()), "first_rate": rate})
        return groups


def trainable(module: nn.Module, config: TrainConfig, head: str) -> Trainable:
    """What a way trains of a module: all from scratch, else the head and, with finetune, its last
    blocks.

    head : name of the head's part
    """
    named = dict(module.named_parameters())
    if config.way == "scratch":
        return Trainable(module, named)
    of_head = {n: p for n, p in named.items() if n == head or n.startswith(head + ".")}
    blocks = last_parameters(module, config.unfreeze, head) if config.way == "finetune" else {}
    blocks = {n: p for n, p in blocks.items() if n not in of_head}
    return Trainable(module, of_head, blocks, config.head_epochs, keeps_mode=True)
