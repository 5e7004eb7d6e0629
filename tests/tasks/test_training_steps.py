"""What a step and an epoch do to the weights, against plain loops."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight
from torch import nn

from tasks.training.answers import Data
from tasks.training.batches import Batch, FeatureBatches, InOrder, Shuffled, load_batches
from tasks.training.config import TrainConfig
from tasks.training.folder import TrainingFolder
from tasks.training.learner import Learner
from tasks.training.loop import learn
from tasks.training.plan import plan_training
from tasks.training.schedule import cosine_factor
from tasks.training.stage import Standardisation, picture_data, read_pictures, train
from tasks.training.trainable import Trainable, trainable
from tests.tasks.training_sets import Silent, configure, draw_folders

CPU = torch.device("cpu")


def on_features(
    folder: Path,
    values: torch.Tensor,
    labels: torch.Tensor,
    weights: torch.Tensor,
    batch_size: int,
    **changes: object,
) -> Learner:
    """A linear layer on features, all of which train and measure."""
    given = {"images": "-", "out": str(folder), "device": "cpu", "batch_size": batch_size}
    config = TrainConfig.model_validate({**given, **changes})
    rows = np.arange(len(values))
    order, dataset = Shuffled(rows, batch_size, 0), FeatureBatches(values, labels, weights)
    in_order = load_batches(dataset, InOrder(rows, batch_size), CPU, 0)
    data = Data(load_batches(dataset, order, CPU, 0), order, in_order, nn.Identity())
    torch.manual_seed(0)
    head = nn.Linear(values.shape[1], int(labels.max()) + 1)
    trained = Trainable(head, dict(head.named_parameters()))
    return Learner(trained, data, config, TrainingFolder(folder), CPU)


def some_features(count: int = 30) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, count)
    labels[:3] = range(3)
    values = rng.normal(size=(count, 4)) + 0.8 * np.eye(3, 4)[labels]
    return torch.tensor(values).half(), torch.tensor(labels)


def test_weighted_steps_are_those_of_a_plain_loop(tmp_path: Path) -> None:
    values, labels = some_features()
    of_class = torch.tensor([0.5, 2.0, 1.25])
    learner = on_features(
        tmp_path, values, labels, of_class[labels], 10,
        epochs=2, rate=0.05, weight_decay=0.1, smoothing=0.1, clip=0.3,
    )  # fmt: skip
    plain = nn.Linear(4, 3).double()
    plain.load_state_dict({k: v.double() for k, v in learner.module.state_dict().items()})
    learn(learner, [Silent()])
    optimizer = torch.optim.AdamW(plain.parameters(), lr=1.0, weight_decay=0.1)
    criterion = nn.CrossEntropyLoss(reduction="none", label_smoothing=0.1)
    measured = nn.CrossEntropyLoss(weight=of_class.double())
    step, order, rows = 0, Shuffled(np.arange(30), 10, 0), list(learner.history)
    for epoch in (1, 2):
        order.epoch, losses = epoch, []
        for _, chosen in order:
            optimizer.param_groups[0]["lr"] = 0.05 * cosine_factor(step, 6)
            optimizer.zero_grad()
            each = criterion(plain(values[chosen].double()), labels[chosen])
            weights = of_class[labels[chosen]].double()
            loss = (each * weights).sum() / weights.sum()
            loss.backward()
            norm = torch.sqrt(sum((p.grad**2).sum() for p in plain.parameters()))
            for parameter in plain.parameters():
                parameter.grad *= min(1.0, 0.3 / float(norm))
            optimizer.step()
            losses.append(loss.item())
            step += 1
        train, validation = rows[2 * epoch - 2 : 2 * epoch]
        assert train.loss == pytest.approx(np.mean(losses), rel=1e-5)
        with torch.no_grad():
            logits = plain(values.double())
        assert validation.loss == pytest.approx(measured(logits, labels).item(), rel=1e-5)
        right = (logits.argmax(1) == labels).double().mean().item()
        assert validation.accuracy == pytest.approx(right)
    for name, value in plain.state_dict().items():
        assert torch.allclose(learner.module.state_dict()[name].double(), value, atol=1e-5), name


def test_class_weights_are_of_the_images_that_train_and_given_to_all(tmp_path: Path) -> None:
    images = draw_folders(tmp_path / "images", per_class=4)
    draw_folders(tmp_path / "images", per_class=15, names=("ant",))
    for weighted in (True, False):
        config = configure(tmp_path, images, validation=0.4, class_weights=weighted)
        plan = plan_training(config, "cpu")
        examples, pictures, _ = read_pictures(plan, Silent())
        data = picture_data(plan, examples, pictures)
        trained = examples.labels[examples.of(validation=False)]
        assert np.bincount(trained).tolist() == [9, 2, 2]
        of_trained = compute_sample_weight("balanced" if weighted else None, trained)
        of_class = {label: of_trained[trained == label][0] for label in range(3)}
        for loader, count in ((data.train, 13), (data.validation, 10)):
            batches = list(loader)
            labels = torch.cat([batch.labels for batch in batches]).tolist()
            weights = torch.cat([batch.weights for batch in batches]).tolist()
            assert len(labels) == count
            assert weights == pytest.approx([of_class[label] for label in labels])


def test_a_head_comes_to_what_logistic_regression_comes_to(tmp_path: Path) -> None:
    values, labels = some_features(120)
    standard = Standardisation.of(values)
    learner = on_features(
        tmp_path, standard(values).float(), labels, torch.ones(120), 120,
        epochs=150, rate=0.2, weight_decay=0.0, patience=150,
    )  # fmt: skip
    learn(learner, [Silent()])
    scaled = StandardScaler().fit_transform(values.double().numpy())
    oracle = LogisticRegression(C=1e9, max_iter=10_000, tol=1e-10).fit(scaled, labels.numpy())
    with torch.no_grad():
        found = learner.module(standard(values.float())).softmax(1).numpy()
    assert found == pytest.approx(oracle.predict_proba(scaled), abs=2e-3)
    folded = nn.Linear(4, 3)
    standard.fold(learner.module, folded)
    with torch.no_grad():
        assert folded(values.float()).softmax(1).numpy() == pytest.approx(found, abs=1e-5)


def test_a_unit_that_never_changes_is_no_trouble() -> None:
    values = torch.tensor([[1.0, 7.0], [3.0, 7.0]])
    standard = Standardisation.of(values)
    assert standard(values).tolist() == [[-1.0, 0.0], [1.0, 0.0]]


def _run(folder: Path, **changes: object) -> tuple[nn.Module, nn.Module, Learner]:
    """A fine-tuning: the module as it was, as it is, and who trained it."""
    config = configure(folder, draw_folders(folder / "images"), way="finetune", **changes)
    plan = plan_training(config, "cpu")
    before = {k: v.clone() for k, v in plan.module.state_dict().items()}
    examples, pictures, _ = read_pictures(plan, Silent())
    trained = trainable(plan.module, config, plan.head)
    learner = Learner(trained, picture_data(plan, examples, pictures), config, plan.folder, CPU)
    return before, plan.module, learner


def _changed(before: dict[str, torch.Tensor], module: nn.Module) -> set[str]:
    return {k for k, v in module.state_dict().items() if not torch.equal(v, before[k])}


def test_fine_tuning_trains_the_head_and_then_the_last_block(tmp_path: Path) -> None:
    before, module, learner = _run(tmp_path, epochs=2, head_epochs=1, unfreeze=1)
    seen: list[set[str]] = []
    learn(learner, [Silent(lambda _: seen.append(_changed(before, module)))])
    of_head = {"fc.weight", "fc.bias"}
    of_block = {f"body.1.{part}.{kind}" for part in (0, 1) for kind in ("weight", "bias")}
    assert seen == [of_head, of_head | of_block]  # no running mean of any batch norm
    rates = [group["lr"] for group in learner.optimizer.param_groups]
    of_last_step = [cosine_factor(5, 6), 0.1 * cosine_factor(2, 3)]
    assert rates == pytest.approx([1e-3 * share for share in of_last_step])


def test_with_no_block_unfrozen_the_base_stays_as_it_is(tmp_path: Path) -> None:
    before, module, learner = _run(tmp_path, epochs=3, head_epochs=1, unfreeze=0)
    learn(learner, [Silent()])
    assert _changed(before, module) == {"fc.weight", "fc.bias"}


def test_from_scratch_all_is_trained_and_batch_norms_follow(tmp_path: Path) -> None:
    config = configure(tmp_path, draw_folders(tmp_path / "images"), epochs=1)
    plan = plan_training(config, "cpu")
    before = {k: v.clone() for k, v in plan.module.state_dict().items()}
    train(plan, Silent())
    assert _changed(before, plan.module) == set(before)


def test_bfloat16_computes_the_network_and_float32_the_loss(tmp_path: Path) -> None:
    values, labels = some_features()
    learner = on_features(
        tmp_path, values, labels, torch.ones(30), 30, epochs=1, precision="bfloat16"
    )
    with torch.no_grad():
        logits, loss = learner.answers.forward(Batch(values.float(), labels, torch.ones(30)), 0.0)
        exact = learner.module(values.float())
    assert loss.dtype == logits.dtype == torch.float32
    assert torch.equal(logits, logits.bfloat16().float()) and not torch.equal(logits, exact)
    assert torch.allclose(logits, exact, atol=0.05)
