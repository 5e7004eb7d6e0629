"""`camaudit train`: from a dataset to a model that can be audited."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows import options
from flows import train_options as flags
from flows.channels import channels
from flows.plain_errors import told_plainly
from flows.progress import console
from tasks.errors import AuditError

if TYPE_CHECKING:
    from tasks.training.config import TrainConfig
    from tasks.training.plan import TrainPlan

_NEEDED = {"ignite": "pytorch-ignite", "tensorboard": "tensorboard", "matplotlib": "matplotlib"}


def train(
    config_file: Annotated[
        Path | None, typer.Argument(help="train.toml; flags override it")
    ] = None,
    images: flags.Images = None,
    model: flags.Model = None,
    out: flags.Out = None,
    way: flags.Way = None,
    weights: flags.Weights = None,
    classes: flags.Classes = None,
    annotations: flags.Annotations = None,
    roots: options.Roots = None,
    mend: flags.Mend = None,
    group_by: flags.GroupBy = None,
    suggestions: flags.Suggestions = None,
    composites: flags.CompositeCount = None,
    cam_head: flags.CamHead = None,
    cut: flags.Cut = None,
    units: flags.UnitCount = None,
    validation: flags.Validation = None,
    epochs: flags.Epochs = None,
    head_epochs: flags.HeadEpochs = None,
    unfreeze: flags.Unfreeze = None,
    batch_size: flags.BatchSize = None,
    rate: flags.Rate = None,
    block_rate: flags.BlockRate = None,
    weight_decay: flags.WeightDecay = None,
    schedule: flags.Schedule = None,
    patience: flags.Patience = None,
    class_weights: flags.ClassWeights = None,
    smoothing: flags.Smoothing = None,
    clip: flags.Clip = None,
    precision: flags.Precision = None,
    resize: options.Resize = None,
    crop: options.Crop = None,
    mean: options.Mean = None,
    std: options.Std = None,
    interpolation: options.Interpolation = None,
    workers: flags.WorkerCount = None,
    device: options.Device = None,
    seed: flags.Seed = None,
) -> None:
    """Train a model on a dataset; run it again to go on where it stopped."""
    given = {key: value for key, value in locals().items() if key != "config_file"}
    with told_plainly():
        for key in ("mean", "std"):
            given[key] = channels(key, given[key])
        train_model(config_file, given)


def train_model(config_file: Path | None, given: dict[str, Any]) -> None:
    """Train, unless the folder holds this very training already.

    Raises: AuditError.
    """
    # Imported late: --help needs none of it.
    from flows.machine import resolve_device
    from tasks.training.config import load_train_config
    from tasks.training.plan import plan_training

    config = load_train_config(config_file, given)
    require_extra()
    console.print(f"Reading {config.images} and {config.model} ...", soft_wrap=True)
    plan = plan_training(config, resolve_device(config.device))
    plan.folder.start(plan.identity())
    if plan.folder.is_finished():
        console.print("Nothing to do: this training is finished, and nothing has changed since.")
    else:
        _tell_left_out(plan)
        _train(plan)
        _print_results(config, plan)
    print(plan.folder.root.resolve())


def require_extra() -> None:
    """Raises: AuditError where what a training needs beside an audit is not installed."""
    missing = [name for module, name in _NEEDED.items() if not importlib.util.find_spec(module)]
    if missing:
        raise AuditError(
            f"training needs {', '.join(missing)}, which is not installed; "
            "pip install 'camaudit[train]'"
        )


def _train(plan: "TrainPlan") -> None:
    from flows.train_progress import TrainProgress
    from tasks.training.stage import train

    try:
        with TrainProgress() as shown:
            train(plan, shown)
    except KeyboardInterrupt:
        console.print("Stopped. Finished epochs are stored; the same command goes on from here.")
        raise typer.Exit(130) from None


def _tell_left_out(plan: "TrainPlan") -> None:
    for reason, count in plan.examples.left_out.items():
        console.print(f"{count:,} images {reason} are left out.", style="yellow", soft_wrap=True)


def _print_results(config: "TrainConfig", plan: "TrainPlan") -> None:
    from flows.train_table import print_results
    from tasks.model.trained import read_training

    print_results(config, read_training(plan.folder.root))
