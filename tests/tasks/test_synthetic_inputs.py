"""Synthetic inputs of a model file: what is refused, and that the numbers are the model's own."""

from typing import Any

import numpy as np
import pytest
import torch

from tasks.errors import AuditError
from tasks.model.loaded import LoadedModel
from tasks.model.loading import load_model
from tasks.views.synthesis_plan import plan_synthesis
from tasks.views.synthetic_config import load_synthetic_config
from tasks.views.synthetic_inputs import synthesise
from tasks.views.synthetic_pictures import SyntheticView

MODEL = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 40, 3, stride=2, padding=1), nn.ReLU(inplace=True))
        self.tokens = nn.Flatten(2)
        self.head = nn.Linear(40, 3)

    def forward(self, x):
        return self.head(self.tokens(self.features(x)).mean(2))

def build():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Net()
    net.preprocessing = {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.25, 0.3)}
    net.features[1].running_mean.uniform_(-0.5, 0.5, generator=torch.Generator().manual_seed(0))
    return net

def build_dying():
    net = build()
    with torch.no_grad():
        net.features[3].weight[5].abs_().neg_()
        net.features[3].bias[5] = -1
        net.features[3].bias[6] = float("nan")
    return net

def build_bare():
    net = build()
    del net.preprocessing
    return net
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("model") / "model.py"
    file.write_text(MODEL)
    return str(file)


def draw(spec: str, **given: Any) -> SyntheticView:
    quick = {"size": 24, "steps": 8, "model": spec}
    return synthesise(plan_synthesis(load_synthetic_config({**quick, **given})))


def test_activations_are_the_models_own_for_the_pictures(model: str) -> None:
    view = draw(
        f"{model}:build", layer="features", units=(3, 30), classes=(2,), per_unit=2, steps=40
    )
    module = load_model(f"{model}:build", None).module
    mean, std = torch.tensor((0.4, 0.5, 0.6)), torch.tensor((0.2, 0.25, 0.3))
    of_layer, of_classes = view.groups
    assert (of_layer.layer, of_layer.channels, of_layer.grid) == ("features", 40, (6, 6))
    assert (of_classes.layer, of_classes.channels, of_classes.grid) == ("", 3, (1, 1))
    assert [picture.index for picture in of_layer.pictures] == [3, 3, 30, 30]
    assert [picture.index for picture in of_classes.pictures] == [2, 2]
    for group in view.groups:
        for picture in group.pictures:
            assert picture.pixels.dtype == np.uint8
            pixels = torch.from_numpy(picture.pixels).float() / 255
            image = ((pixels - mean) / std).permute(2, 0, 1)[None]
            with torch.no_grad():
                output = module.features(image).mean((2, 3)) if group.layer else module(image)
            # The pictures are rounded to 256 levels.
            assert picture.activation == pytest.approx(output[0, picture.index].item(), rel=0.02)
            assert picture.activation > picture.start


def test_same_configuration_same_pictures_bit_for_bit(model: str) -> None:
    one, other = (draw(f"{model}:build", layer="features", count=3) for _ in range(2))
    for a, b in zip(one.groups[0].pictures, other.groups[0].pictures, strict=True):
        assert np.array_equal(a.pixels, b.pixels)
        assert a.activation == b.activation
    third = draw(f"{model}:build", layer="features", count=3, seed=1)
    assert not np.array_equal(one.groups[0].pictures[0].pixels, third.groups[0].pictures[0].pixels)


def test_units_beyond_one_batch_start_from_the_same_noise(model: str) -> None:
    view = draw(f"{model}:build", layer="features", units=tuple(range(18)), steps=3)
    late = draw(f"{model}:build", layer="features", units=(17,), steps=3).groups[0].pictures[0]
    among = view.groups[0].pictures[17]
    assert len(view.groups[0].pictures) == 18
    assert among.start == pytest.approx(late.start, rel=1e-4)
    assert np.abs(among.pixels.astype(int) - late.pixels).max() <= 1


def test_every_step_of_every_batch_is_told(model: str) -> None:
    config = load_synthetic_config(
        {"model": f"{model}:build", "layer": "features", "count": 20, "classes": (0,),
         "size": 16, "steps": 2}
    )  # fmt: skip
    plan, told = plan_synthesis(config), []
    synthesise(plan, lambda: told.append(1))
    assert len(told) == plan.steps == 2 * 3


@pytest.mark.parametrize(
    ("count", "expected"), [(None, 16), (4, 4), (40, 40), (1000, 40)]
)  # fmt: skip
def test_units_are_spread_over_the_layer(model: str, count: int | None, expected: int) -> None:
    given = {"model": f"{model}:build", "layer": "features", "count": count, "size": 16}
    (target,) = plan_synthesis(load_synthetic_config(given)).targets
    assert len(set(target.units)) == expected
    assert target.units[0] == 0
    gaps = np.diff([*target.units, 40])
    assert gaps.max() - gaps.min() <= 1


def test_what_shows_nothing_is_told(model: str) -> None:
    view = draw(f"{model}:build_dying", layer="features", units=(0, 5, 6), steps=60)
    first, dead, nan = view.groups[0].pictures
    assert (first.state, first.steps) == ("ok", 60)
    assert (dead.state, dead.steps, dead.activation) == ("dead", 0, 0)
    assert nan.state == "not_finite"


def test_a_model_without_preprocessing_needs_mean_and_std(model: str) -> None:
    given = {"model": f"{model}:build_bare", "classes": (0,), "size": 16}
    with pytest.raises(AuditError, match=r"states no preprocessing.*Give --mean and --std"):
        plan_synthesis(load_synthetic_config(given))
    channels = {"mean": (0.1, 0.2, 0.3), "std": (0.5, 0.5, 0.5)}
    plan = plan_synthesis(load_synthetic_config({**given, **channels}))
    assert (plan.mean, plan.std) == (channels["mean"], channels["std"])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"layer": "featuers"}, "layer of .*'featuers' is unknown; closest: 'features'.*camaudit"),
        ({"layer": "tokens"}, r"shape \(2, 40, 16\).*expected \(N, channels, rows, cols\)"),
        ({"layer": "features", "units": (3, 40)}, "unit 40 is not in layer 'features'.* 0 to 39"),
        ({"classes": (3,)}, "class 3 is not in .* has 3; expected 0 to 2"),
    ],
)
def test_what_is_not_in_the_model(model: str, given: dict[str, Any], words: str) -> None:
    with pytest.raises(AuditError, match=words):
        plan_synthesis(load_synthetic_config({"model": f"{model}:build", "size": 16, **given}))


def test_an_input_that_the_model_does_not_take() -> None:
    given = {"model": "timm:vit_tiny_patch16_224", "classes": (1,), "size": 100}
    config = load_synthetic_config(given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.views.synthesis_plan.load_model", untrained)
        with pytest.raises(
            AuditError, match=r"fails on an input of 3 x 100 x 100.*Give the --size"
        ):
            plan_synthesis(config)


def test_a_program_of_a_fixed_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    fixed = LoadedModel(torch.nn.Identity(), {}, fixed_batch=4)
    monkeypatch.setattr("tasks.views.synthesis_plan.load_model", lambda *_: fixed)
    config = load_synthetic_config({"model": "net.pt2", "classes": (0,)})
    with pytest.raises(AuditError, match="batches of 4 only; export it with a free batch"):
        plan_synthesis(config)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_device_that_is_not_there(model: str) -> None:
    given = {"model": f"{model}:build", "classes": (0,), "device": "cuda"}
    with pytest.raises(AuditError, match="torch sees none; use --device cpu"):
        plan_synthesis(load_synthetic_config(given))


def untrained(spec: str, weights: str | None) -> Any:
    return load_model(spec, weights, untrained=True)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "nothing to draw"),
        ({"units": (1,)}, "need the --layer"),
        ({"layer": "a", "units": (1,), "count": 3}, "both --units and --count"),
        ({"layer": "a", "units": (-1,)}, "--units: .*greater than or equal to 0; got -1"),
        ({"layer": "a", "count": 0}, "--count: .*greater than 0"),
        ({"layer": "a", "size": 8}, "--size: .*16"),
        ({"layer": "a", "steps": 0}, "--steps: "),
        ({"layer": "a", "learning_rate": float("nan")}, "--learning-rate: "),
        (
            {"layer": "a", "parametrisation": "wavelet"},
            "--parametrisation: .*'fourier' or 'pixel'",
        ),
        ({"layer": "a", "std": (0.0, 1.0, 1.0)}, "must be above 0"),
        ({"layer": "a", "smoothness": -1}, "--smoothness: "),
        ({"layer": "a", "seed": 2**64}, "--seed: "),
        ({"layer": "a", "device": "tpu"}, "--device: .*'tpu'"),
    ],
)
def test_flags_that_cannot_work(given: dict[str, Any], words: str) -> None:
    with pytest.raises(AuditError, match=words):
        load_synthetic_config({"model": "torchvision:resnet18", **given})


TRANSFORMER = """
import timm
import torch

def build():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = NETWORK
    model.preprocessing = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
    return model
"""
VIT = 'timm.create_model("vit_tiny_patch16_224", img_size=64, depth=2, num_classes=5)'
SWIN = """timm.create_model("swin_tiny_patch4_window7_224", img_size=64, window_size=4,
                              depths=(1, 1), num_heads=(2, 4), embed_dim=16, num_classes=5)"""


@pytest.mark.parametrize(
    ("network", "layer", "channels", "grid", "activation_of"),
    [
        (VIT, "blocks.1.norm1", 192, (4, 4), lambda out, unit: out[:, 1:, unit].mean(1)),
        (SWIN, "norm", 32, (8, 8), lambda out, unit: out[..., unit].mean((1, 2))),
    ],
    ids=["tokens", "channels last"],
)
def test_units_of_transformers(tmp_path, network, layer, channels, grid, activation_of) -> None:
    """The activation on the page is that of the unit's cells, read by what is known of them."""
    file = tmp_path / "model.py"
    file.write_text(TRANSFORMER.replace("NETWORK", network))
    given = {"model": f"{file}:build", "layer": layer, "units": (3, 17), "size": 64, "steps": 4}
    plan = plan_synthesis(load_synthetic_config(given))
    assert (plan.targets[0].channels, plan.targets[0].grid) == (channels, grid)
    (group,) = synthesise(plan).groups
    kept: list[torch.Tensor] = []
    plan.loaded.module.get_submodule(layer).register_forward_hook(
        lambda _m, _i, output: kept.append(output)
    )
    for picture in group.pictures:
        pixels = torch.from_numpy(picture.pixels).permute(2, 0, 1)[None] / 255
        with torch.no_grad():
            plan.loaded.module((pixels - 0.5) / 0.5)
        expected = float(activation_of(kept[-1], picture.index)[0])
        assert picture.activation == pytest.approx(expected, rel=0.05, abs=0.02)
