"""`camaudit train` as a user calls it: whole, killed, wrong, and audited afterwards."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typer.testing import CliRunner, Result

from flows.cli import app
from tests.tasks.tiny_audit import run_audit, table
from tests.tasks.training_sets import CLASSES, draw_folders, write_base


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folders(tmp_path_factory.mktemp("set") / "images", per_class=12)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_base(tmp_path_factory.mktemp("code"))


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["train", *map(str, arguments), "--device", "cpu"])


@pytest.fixture(scope="module")
def trained(images: Path, model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "out"
    result = call("--images", images, "--model", model, "--out", out, "--epochs", 12,
                  "--rate", 0.01, "--batch-size", 8)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == str(out)
    assert f"camaudit run --images {images} --model {out}" in result.stdout.replace("\n", " ")
    return out


def test_it_learns_and_tells_of_every_class(trained: Path) -> None:
    facts = json.loads((trained / "training.json").read_text())
    assert facts["results"]["accuracy"] >= 2 / 3  # one in three by chance
    history = pq.read_table(trained / "history.parquet").to_pandas()
    losses = history[history["split"] == "train"]["loss"].to_numpy()
    assert losses[-3:].mean() < 0.7 * losses[0]


def test_tensorboard_and_the_picture_show_the_history(trained: Path) -> None:
    history = pq.read_table(trained / "history.parquet").to_pandas()
    events = EventAccumulator(str(trained / "tensorboard"))
    events.Reload()
    for split, rows in history.groupby("split"):
        for what in ("loss", "accuracy"):
            shown = events.Scalars(f"{what}/{split}")
            assert [e.value for e in shown] == pytest.approx(rows[what].tolist(), rel=1e-6)
            assert [e.step for e in shown] == [4 * epoch for epoch in rows["epoch"]]
    assert len(events.Scalars("batch/loss")) == 4 * history["epoch"].max()
    with Image.open(trained / "curves.png") as picture:
        assert picture.size == (1500, 630)


def test_the_same_command_again_does_nothing(images: Path, model: str, trained: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in trained.rglob("*") if file.is_file()}
    result = call("--images", images, "--model", model, "--out", trained, "--epochs", 12,
                  "--rate", 0.01, "--batch-size", 8)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "Nothing to do" in result.stderr
    assert result.stdout.strip() == str(trained)
    after = {file: file.stat().st_mtime_ns for file in trained.rglob("*") if file.is_file()}
    assert {f: t for f, t in before.items() if f.name != ".lock"} == {
        f: t for f, t in after.items() if f.name != ".lock"
    }


def test_the_trained_folder_is_audited(trained: Path, images: Path, tmp_path: Path) -> None:
    """Without a word of preprocessing or classes: the folder brings both."""
    from tasks.config import load_config

    given = {"images": str(images), "model": str(trained), "out": str(tmp_path / "run"),
             "device": "cpu", "batch_size": 4, "second_pass": 0.0, "shard_size": 20}  # fmt: skip
    run = run_audit(load_config(None, given))
    facts = run.audit()
    assert facts["classes"] == list(CLASSES)
    assert facts["preprocessing"]["crop"] == 24
    manifest = table(run, "manifest").set_index("image_id")
    predictions = table(run, "predictions").set_index("image_id")
    assert len(predictions) == 36
    names = [CLASSES[label] for label in predictions["label"]]
    uris = manifest.loc[predictions.index, "uri"]
    assert names == [Path(uri).parent.name for uri in uris]
    # The images that measured are as often right as training.json says.
    results = json.loads((trained / "training.json").read_text())["results"]
    from tasks.training.config import TrainConfig
    from tasks.training.examples import list_examples

    examples = list_examples(TrainConfig(images=str(images), out=str(tmp_path / "o")))
    measured = [examples.uris[row] for row in examples.of(validation=True)]
    right = predictions["correct"].to_numpy()[uris.isin(measured).to_numpy()]
    assert right.mean() == pytest.approx(results["accuracy"])


def test_labels_that_are_numbers_with_gaps_find_their_classes_again(
    images: Path, model: str, tmp_path: Path
) -> None:
    from tasks.index.plan import plan_audit
    from tests.tasks.tiny_audit import configure

    rows = [
        {"uri": str(file), "label": {"ant": 7, "bee": 3, "cat": 200}[file.parent.name]}
        for file in sorted(images.rglob("*.png"))
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "manifest.csv", index=False)
    result = call("--images", tmp_path / "manifest.csv", "--root", images, "--model", model,
                  "--out", tmp_path / "out", "--way", "features", "--epochs", 2)  # fmt: skip
    assert result.exit_code == 0, result.output
    config = configure(
        tmp_path, tmp_path / "manifest.csv", model=str(tmp_path / "out"), roots=[str(images)]
    )
    plan = plan_audit(config)
    assert plan.facts["classes"] == ["3", "7", "200"]
    expected = [{7: 1, 3: 0, 200: 2}[row["label"]] for row in rows]
    assert plan.manifest["label"].to_pylist() == expected


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "flows.cli", "train", *map(str, arguments), "--device", "cpu"]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_for_an_epoch(process: subprocess.Popen[str], out: Path) -> None:
    """Until a checkpoint is written that was not there."""
    last = out / "checkpoints" / "last.safetensors"
    seen = last.stat().st_mtime_ns if last.exists() else 0
    deadline = time.monotonic() + 120
    while not last.exists() or last.stat().st_mtime_ns == seen:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_stopped_and_killed_at_random_it_comes_to_the_same_weights(
    images: Path, model: str, tmp_path: Path
) -> None:
    arguments = ("--images", images, "--model", model, "--epochs", 60, "--batch-size", 4,
                 "--patience", 60, "--seed", 2)  # fmt: skip
    whole = call(*arguments, "--out", tmp_path / "whole")
    assert whole.exit_code == 0, whole.output
    draw, out = random.Random(), tmp_path / "killed"
    for sign, status in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        process = start(*arguments, "--out", out)
        wait_for_an_epoch(process, out)
        time.sleep(draw.uniform(0, 0.2))
        process.send_signal(sign)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == status, errors
        if sign == signal.SIGINT:
            assert "the same command goes on from here" in errors and "Traceback" not in errors
        assert not (out / "training.json").exists()
    done = call(*arguments, "--out", out)
    assert done.exit_code == 0, done.output
    assert "of 60 epochs are done already" in done.stderr
    first = load_file(tmp_path / "whole" / "model.safetensors")
    second = load_file(out / "model.safetensors")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_settings_in_a_file_and_flags_above_them(images: Path, model: str, tmp_path: Path) -> None:
    relative = os.path.relpath(images, tmp_path)
    file = tmp_path / "train.toml"
    file.write_text(
        f'images = "{relative}"\nmodel = "{model}"\nout = "out"\nepochs = 9\nway = "finetune"\n'
        "head_epochs = 1\nclass_weights = true\n"
    )
    result = CliRunner().invoke(app, ["train", str(file), "--epochs", "2"])
    assert result.exit_code == 0, result.output
    config = json.loads((tmp_path / "out" / "training.json").read_text())["config"]
    assert (config["epochs"], config["way"], config["class_weights"]) == (2, "finetune", True)
    assert config["images"] == str(images)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--way", "distil"], "way: Input should be 'scratch', 'features', 'finetune' or 'dfr'"),
        (["--validation", "1.5"], "validation"),
        (["--model", "torchvision:resnet19"], "closest: 'resnet18'"),
        (["--model", "nowhere"], "of no known kind"),
        (["--mean", "1,2"], "three numbers"),
        (["--images", "/nowhere"], "do not exist"),
    ],
)
def test_mistakes_are_told_in_words(
    images: Path, model: str, tmp_path: Path, flags: list[str], says: str
) -> None:
    given = ["--images", images, "--model", model, "--out", tmp_path / "out", *flags]
    result = call(*given)
    assert result.exit_code == 1
    assert says in result.stderr and "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_unreadable_images_are_told_at_the_end(model: str, tmp_path: Path) -> None:
    images = draw_folders(tmp_path / "images", per_class=5)
    (images / "bee" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    result = call("--images", images, "--model", model, "--out", tmp_path / "out", "--epochs", 1)
    assert result.exit_code == 0, result.output
    assert "broken.png cannot be read (left out): decode: truncated PNG" in result.stdout
    facts = json.loads((tmp_path / "out" / "training.json").read_text())
    assert facts["results"]["images"]["left_out"] == {"unreadable": 1}
