"""Bases, heads and blocks; and a trained folder as a model."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision import models

from tasks.config import load_config
from tasks.errors import AuditError
from tasks.model.linear_head import find_linear_head, with_linear_head
from tasks.model.loading import load_model
from tasks.model.recipe import without_auxiliary_heads
from tasks.training.blocks import blocks_of, last_parameters
from tasks.training.config import TrainConfig, load_train_config
from tasks.training.plan import plan_training
from tasks.training.stage import train
from tests.tasks.training_sets import BASE, CLASSES, Silent, configure, draw_folders, write_base

HEADS = {
    "alexnet": "classifier.6",
    "convnext_tiny": "classifier.2",
    "densenet121": "classifier",
    "googlenet": "fc",
    "mobilenet_v2": "classifier.1",
    "mobilenet_v3_small": "classifier.3",
    "resnet18": "fc",
    "vgg11": "classifier.6",
    "vit_b_32": "heads.head",
}


def build(name: str) -> nn.Module:
    weights = {"init_weights": False} if name == "googlenet" else {}
    return without_auxiliary_heads(models.get_model(name, weights=None, **weights))


@pytest.mark.parametrize("name", HEADS)
def test_the_head_of_published_networks(name: str) -> None:
    module = build(name)
    module.train()
    side = 224 if name == "vit_b_32" else 64
    images = torch.randn(2, 3, side, side)
    assert find_linear_head(module, images, name) == HEADS[name]
    assert module.training
    before = {n: tuple(p.shape) for n, p in module.named_parameters()}
    changed = with_linear_head(module, HEADS[name], 3).eval()
    with torch.no_grad():
        assert changed(images).shape == (2, 3)
    after = {n: tuple(p.shape) for n, p in changed.named_parameters()}
    others = {n for n in before if before[n] != after[n]}
    assert others == {f"{HEADS[name]}.weight", f"{HEADS[name]}.bias"}


def test_a_network_without_a_linear_head() -> None:
    with pytest.raises(AuditError, match=r"squeezenet does not end in a linear layer.*--cam-head"):
        find_linear_head(models.squeezenet1_1(), torch.randn(1, 3, 64, 64), "squeezenet")


def test_a_linear_layer_whose_output_is_scaled_is_no_head() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(12, 3)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return 2 * self.fc(images.flatten(1))

    with pytest.raises(AuditError, match="does not end in a linear layer"):
        find_linear_head(Scaled(), torch.randn(2, 3, 2, 2), "scaled")


@pytest.mark.parametrize(
    ("name", "head", "last"),
    [
        ("resnet18", "fc", ["layer4.0", "layer4.1"]),
        ("mobilenet_v2", "classifier.1", ["features.17", "features.18"]),
        ("googlenet", "fc", ["inception5a", "inception5b"]),
        ("alexnet", "classifier.6", ["classifier.1", "classifier.4"]),
        ("efficientnet_b0", "classifier.1", ["features.7.0", "features.8"]),
        ("vit_b_32", "heads.head", [f"encoder.layers.encoder_layer_{i}" for i in (10, 11)]),
    ],
)
def test_the_last_blocks_are_those_that_people_name(name: str, head: str, last: list[str]) -> None:
    module = build(name)
    assert blocks_of(module, head)[-2:] == last
    named = last_parameters(module, 2, head)
    of_blocks = {n for n, _ in module.named_parameters() if n.startswith(tuple(last))}
    rest = set(named) - of_blocks
    assert of_blocks <= set(named) and not any(n.startswith(head) for n in named)
    assert all("ln" in n or "norm" in n for n in rest)  # a last norm goes with them
    assert last_parameters(module, 0, head) == {}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    config = configure(folder, draw_folders(folder / "images"), epochs=2)
    train(plan_training(config, "cpu"), Silent())
    return Path(config.out)


def test_a_trained_folder_is_a_model(trained: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(trained, tmp_path / "moved")
    shutil.rmtree(trained.parent / "code", ignore_errors=True)
    loaded = load_model(str(moved), None)
    assert loaded.categories == CLASSES and not loaded.module.training
    assert loaded.preprocessing["crop"] == 24 and loaded.preprocessing["mean"] == (0.5, 0.4, 0.3)
    write_base(trained.parent / "code")
    plain: dict[str, object] = {}
    exec(compile(BASE, "net.py", "exec"), plain)  # noqa: S102
    net = plain["build"]()  # type: ignore[operator]
    net.fc = nn.Linear(12, 3)
    from safetensors.torch import load_file

    net.load_state_dict(load_file(moved / "model.safetensors"))
    images = torch.randn(4, 3, 24, 24)
    with torch.no_grad():
        assert torch.equal(loaded.module(images), net.eval()(images))


def test_facts_of_a_trained_folder(trained: Path) -> None:
    facts = json.loads((trained / "training.json").read_text())
    assert facts["base"] == {"model": str(trained.parent / "code" / "net.py:build"),
                             "source_copied": "base.py"}  # fmt: skip
    assert facts["head"] == {"kind": "linear", "layer": "fc", "cut": None, "units": None}
    assert facts["results"]["images"] == {"train": 24, "validation": 6, "left_out": {}}
    assert sum(row["images"] for row in facts["results"]["by_class"]) == 6
    lines = (trained / "classes.csv").read_text().splitlines()
    assert lines == ["class_idx,name,folder", *(f"{i},{c},{c}" for i, c in enumerate(CLASSES))]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda folder: (folder / "training.json").unlink(), "no finished training"),
        (lambda folder: (folder / "training.json").write_text("{}"), "cannot be read"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x"), "damaged"),
        (lambda folder: (folder / "base.py").unlink(), r"base\.py does not exist"),
        (
            lambda folder: (folder / "base.py").write_text(BASE.replace("self.fc", "self.last")),
            "layer 'fc' is no linear layer",
        ),
    ],
)
def test_a_damaged_folder_is_told(trained: Path, tmp_path: Path, change, says: str) -> None:
    folder = shutil.copytree(trained, tmp_path / "copy")
    change(folder)
    with pytest.raises(AuditError, match=says):
        load_model(str(folder), None)


def test_weights_beside_a_trained_folder(trained: Path) -> None:
    with pytest.raises(AuditError, match="holds its own weights"):
        load_model(str(trained), "w.pth")


def test_a_folder_in_a_configuration_is_made_absolute(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "mine")
    (tmp_path / "audit.toml").write_text('images = "images"\nmodel = "mine"\nout = "run"\n')
    assert load_config(tmp_path / "audit.toml", {}).model == str(tmp_path / "mine")
    (tmp_path / "small").mkdir()
    (tmp_path / "train.toml").write_text('images = "images"\nmodel = "small"\nout = "run"\n')
    assert load_train_config(tmp_path / "train.toml", {}).model == "small"


def test_going_on_from_a_trained_folder(trained: Path, tmp_path: Path) -> None:
    """Of the same classes the head is kept; of others it is new."""
    images = trained.parent / "images"
    config = configure(tmp_path, images, model=str(trained), way="finetune", epochs=1)
    plan = plan_training(config, "cpu")
    old = load_model(str(trained), None).module.state_dict()
    assert all(torch.equal(plan.module.state_dict()[name], old[name]) for name in old)
    train(plan, Silent())
    again = load_model(config.out, None)
    assert again.categories == CLASSES and (Path(config.out) / "base.py").is_file()
    draw_folders(tmp_path / "other", names=("dog", "elk"))
    other = configure(tmp_path / "b", tmp_path / "other", model=str(trained), way="features")
    train(plan_training(other, "cpu"), Silent())
    assert load_model(other.out, None).categories == ("dog", "elk")
    assert load_model(other.out, None).module.fc.out_features == 2
    with pytest.raises(AuditError, match="is trained; give --way"):
        plan_training(configure(tmp_path / "c", images, model=str(trained)), "cpu")


@pytest.mark.parametrize("pooling", ["gap", "gmp"])
def test_a_head_for_maps_is_built_again(tmp_path: Path, pooling: str) -> None:
    images = draw_folders(tmp_path / "images", per_class=3)
    config = TrainConfig.model_validate(
        {
            "images": str(images), "model": "torchvision:squeezenet1_1", "out": str(tmp_path / "o"),
            "cam_head": pooling, "units": 16, "crop": 64, "resize": 64, "epochs": 1, "seed": 4,
        }
    )  # fmt: skip
    plan = plan_training(config, "cpu")
    facts = train(plan, Silent())
    assert facts["head"]["kind"] == pooling and facts["head"]["units"] == 16
    inputs = torch.randn(3, 3, 64, 64)
    loaded = load_model(config.out, None)
    with torch.no_grad():
        assert torch.equal(loaded.module(inputs), plan.module.eval()(inputs))
    changes = {"model": config.out, "way": "finetune", "out": str(tmp_path / "p")}
    with pytest.raises(AuditError, match="has a head for class activation maps already"):
        plan_training(config.model_copy(update=changes), "cpu")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"crop": 7, "resize": 24, "model": "torchvision:vit_b_32"}, "fails on an input of 3 x 7"),
        ({"model": "p.pt2"}, "exported program"),
        ({"model": "small", "way": "finetune"}, "none; give"),
        ({"way": "scratch", "weights": "w.pth"}, "leave --weights out"),
        ({"way": "features", "cam_head": "gap"}, "--unfreeze 0"),
        ({"cut": "body.0"}, "give --cam-head"),
        ({"rate": 0}, "rate"),
        ({"precision": "float16"}, "float16 needs a GPU"),
        ({"momentum": 0.9}, "momentum: unknown key. Known keys: images"),
        ({"out": "/tmp/images/out", "images": "/tmp/images"}, "lies inside the images"),
    ],
)
def test_bad_configurations(tmp_path: Path, given: dict[str, object], says: str) -> None:
    images = draw_folders(tmp_path / "images", per_class=2)
    whole = {"images": str(images), "model": write_base(tmp_path / "code"),
             "out": str(tmp_path / "out"), "device": "cpu", **given}  # fmt: skip
    with pytest.raises(AuditError) as error:
        plan_training(load_train_config(None, whole), "cpu")
    assert says in str(error.value)
    assert not (tmp_path / "out").exists()
