"""Going on where a training stopped, and what a divergence leaves."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from tasks.errors import AuditError
from tasks.training.checkpoint import read_checkpoint, take_checkpoint, write_checkpoint
from tasks.training.history import EpochRow
from tasks.training.plan import plan_training
from tasks.training.stage import train
from tests.tasks.training_sets import BASE, Silent, configure, draw_folders


class Stop(Exception):
    """Stands for a killed process."""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folders(tmp_path_factory.mktemp("set") / "images", per_class=8)


def run(folder: Path, images: Path, shown: Silent | None = None, **changes: object) -> Path:
    config = configure(folder, images, **changes)
    train(plan_training(config, "cpu"), shown or Silent())
    return Path(config.out)


def stop_after(epoch: int) -> Silent:
    def stop(done: int) -> None:
        if done == epoch:
            raise Stop

    return Silent(stop)


def assert_same_weights(first: Path, second: Path) -> None:
    one, other = load_file(first / "model.safetensors"), load_file(second / "model.safetensors")
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


@pytest.mark.parametrize(
    "changes",
    [
        {"class_weights": True},
        {"schedule": "plateau", "patience": 2},
        {"way": "finetune", "head_epochs": 2},
        {"way": "features", "epochs": 5},
    ],
)
def test_a_stopped_training_comes_to_the_same_weights(
    tmp_path: Path, images: Path, changes: dict[str, object]
) -> None:
    changes = {"epochs": 4, **changes}
    whole = run(tmp_path / "whole", images, **changes)
    for epoch in (1, 3):
        with pytest.raises(Stop):
            run(tmp_path / "stopped", images, stop_after(epoch), **changes)
    shown = Silent()
    stopped = run(tmp_path / "stopped", images, shown, **changes)
    assert min(shown.epochs, default=4) == 4
    assert_same_weights(whole, stopped)
    columns = ["epoch", "split", "loss", "accuracy", "rate"]
    first, second = (pq.read_table(f / "history.parquet").select(columns) for f in (whole, stopped))
    assert first.equals(second)


def test_another_seed_comes_to_other_weights(tmp_path: Path, images: Path) -> None:
    first = run(tmp_path / "a", images, epochs=1)
    again = run(tmp_path / "b", images, epochs=1)
    other = run(tmp_path / "c", images, epochs=1, seed=1)
    assert_same_weights(first, again)
    with pytest.raises(AssertionError):
        assert_same_weights(first, other)


def test_the_best_weights_are_kept_not_the_last(tmp_path: Path, images: Path) -> None:
    kept: dict[int, dict[str, torch.Tensor]] = {}
    plan = plan_training(configure(tmp_path, images, epochs=6, rate=0.3), "cpu")
    copy = lambda: {k: v.clone() for k, v in plan.module.state_dict().items()}  # noqa: E731
    facts = train(plan, Silent(lambda epoch: kept.update({epoch: copy()})))
    rows = pq.read_table(plan.folder.history_file).to_pylist()
    losses = {row["epoch"]: row["loss"] for row in rows if row["split"] == "validation"}
    best = min(losses, key=lambda epoch: (losses[epoch], epoch))
    assert facts["results"]["best_epoch"] == best
    stored = load_file(plan.folder.model_file)
    assert all(torch.equal(stored[name], kept[best][name]) for name in stored)


def test_patience_ends_a_training(tmp_path: Path, images: Path) -> None:
    out = run(tmp_path, images, epochs=40, rate=0.5, patience=2)
    rows = pq.read_table(out / "history.parquet").to_pylist()
    losses = [row["loss"] for row in rows if row["split"] == "validation"]
    assert len(losses) < 40
    assert len(losses) - (losses.index(min(losses)) + 1) == 2


DIVERGES = (
    BASE.replace("return self.fc(", "return CALLS.check(self) * self.fc(")
    + """
class CALLS:
    count = 0

    @classmethod
    def check(cls, model):
        cls.count += model.training
        return float("nan") if cls.count > 5 else 1.0
"""
)


def test_a_loss_that_is_no_number_keeps_the_last_good_checkpoint(
    tmp_path: Path, images: Path
) -> None:
    from tests.tasks.training_sets import write_base

    base = write_base(tmp_path / "bad", DIVERGES)  # 3 steps an epoch: in the third of the second
    with pytest.raises(AuditError) as error:
        run(tmp_path, images, model=base, epochs=4)
    last = tmp_path / "out" / "checkpoints" / "last.safetensors"
    for words in ("the loss is nan at epoch 2, step 6", "of epoch 1", str(last), "0.0002"):
        assert words in str(error.value)
    stored = read_checkpoint(last)
    assert stored.epoch == 1
    assert all(torch.isfinite(value).all() for value in stored.model.values())
    assert not (tmp_path / "out" / "training.json").exists()
    assert (tmp_path / "out" / "curves.png").stat().st_size > 1000


def test_a_rate_that_is_far_too_high(tmp_path: Path, images: Path) -> None:
    with pytest.raises(AuditError, match=r"diverged\. No epoch was finished"):
        run(tmp_path, images, rate=100.0, weight_decay=1e30)


def test_a_checkpoint_keeps_every_bit(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    module.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1 / 3)
    module(torch.randn(2, 3, 5, 5)).square().sum().backward()
    optimizer.step()
    history = (EpochRow(1, "train", 1 / 3, 0.1, 1e-300, 2.5),)
    write_checkpoint(tmp_path / "c", take_checkpoint(module, optimizer, {"scale": 8.0}, history))
    stored = read_checkpoint(tmp_path / "c")
    assert (stored.epoch, stored.history, stored.scaler) == (1, history, {"scale": 8.0})
    for name, value in module.state_dict().items():
        assert torch.equal(stored.model[name], value)
    state = optimizer.state_dict()
    for index, values in state["state"].items():
        for key, value in values.items():
            assert torch.equal(stored.optimizer["state"][index][key], value)
    group = state["param_groups"][0]
    assert {**stored.optimizer["param_groups"][0], "betas": group["betas"]} == group


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_damaged_checkpoint_is_told(tmp_path: Path, images: Path, content: bytes) -> None:
    with pytest.raises(Stop):
        run(tmp_path, images, stop_after(1))
    last = tmp_path / "out" / "checkpoints" / "last.safetensors"
    last.write_bytes(content)
    with pytest.raises(AuditError, match=r"last\.safetensors is damaged.*Remove"):
        run(tmp_path, images)
    last.unlink()
    run(tmp_path, images)


def test_a_folder_of_something_else_and_a_changed_configuration(
    tmp_path: Path, images: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(AuditError, match="not empty and holds no training"):
        run(tmp_path, images)
    (tmp_path / "out" / "thesis.txt").unlink()
    with pytest.raises(Stop):
        run(tmp_path, images, stop_after(1))
    with pytest.raises(AuditError) as error:
        run(tmp_path, images, rate=0.01, seed=3)
    for words in ("rate: None there, 0.01 asked for", "seed: 0 there, 3 asked for", "--out"):
        assert words in str(error.value)
    (tmp_path / "out" / "started.json").write_text("[]")
    with pytest.raises(AuditError, match=r"started\.json cannot be read"):
        run(tmp_path, images)
