"""Compiled trunks: which parts, the same numbers, and what happens where it fails."""

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn

from cam_kernels.compiled_trunk import trunk_regions
from cam_kernels.explainer import Explainer
from cam_kernels.first_pass import FirstPass
from cam_kernels.layers.grid_layout import GridLayout
from cam_kernels.methods.registry import METHODS
from cam_kernels.targets import ClassScore
from tests.cam_kernels.architectures import build, noise
from tests.cam_kernels.transformers import build_known, pictures

# By reading the networks' code: layer4.0 and layer4.1 are what layer4 strictly holds.
REGIONS = [
    ("resnet18", ["layer4"], [], ["layer1", "layer2", "layer3", "layer4"]),
    ("resnet18", ["layer3"], [], ["layer1", "layer2", "layer3"]),
    ("resnet18", ["layer3", "layer4"], [], ["layer1", "layer2", "layer3"]),
    ("resnet18", ["layer4"], ["layer2.1"], ["layer1", "layer2.0", "layer2.1", "layer3", "layer4"]),
    ("resnet18", ["layer2"], ["layer1.0.conv1"], ["layer1.1", "layer2"]),
    ("vgg_like", ["features"], [], ["features"]),
]


@pytest.mark.parametrize("name, targets, hooked, expected", REGIONS)
def test_the_largest_parts_that_no_hook_looks_into(
    name: str, targets: list[str], hooked: list[str], expected: list[str]
) -> None:
    assert trunk_regions(build(name)[0], targets, hooked, noise(1)) == expected


def counted_compiler(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """Dynamo's graphs run as they are; the result lists the first input of each run."""
    ran: list[Tensor] = []

    def backend(graph: torch.fx.GraphModule, _inputs: object) -> object:
        def run(*inputs: Tensor) -> object:
            ran.append(inputs[0])
            return graph(*inputs)

        return run

    compile_with = torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda fn, **given: compile_with(fn, backend=backend, **given)
    )
    return ran


def test_compiled_for_one_size_and_taken_for_that_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    model, layer, _ = build("resnet18")
    ran = counted_compiler(monkeypatch)
    first_pass = FirstPass(model, layer, ["gradcam++"], noise(2), unit_layers=["layer2"])
    labels = torch.tensor([1, -1, 2])
    expected = first_pass(noise(3), labels)
    first_pass.compile_trunk(noise(3))
    assert first_pass.explainer.compiled and len(ran) == 4
    actual = first_pass(noise(3), labels)
    first_pass.explainer.logits(noise(3))
    assert len(ran) == 12, "four regions, three forwards, none compiled twice"
    first_pass(noise(2), labels[:2])
    assert len(ran) == 12
    for name, value in vars(expected).items():
        torch.testing.assert_close(getattr(actual, name), value, rtol=1e-5, atol=1e-5)
    first_pass.compile_trunk(noise(1))
    first_pass(noise(1), labels[:1])
    assert len(ran) == 20, "a halved batch is compiled for, too"


def test_blocks_of_one_class_are_all_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build("mobilenet_v2")[0]
    ran = counted_compiler(monkeypatch)
    blocks = [f"features.{i}" for i in range(18)]
    first_pass = FirstPass(model, "features.18", ["gradcam++"], noise(2), unit_layers=blocks)
    first_pass.compile_trunk(noise(2))
    assert first_pass.explainer.compiled
    ran.clear()
    first_pass.explainer.logits(noise(2))
    assert len(ran) == 17, "the first and the last end in a ReLU6 whose input is looked at"


def test_the_model_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    model, layer, _ = build("resnet18")
    counted_compiler(monkeypatch)
    explainer = Explainer(model, layer, noise(2))
    explainer.compile_trunk(noise(2))
    assert explainer.compiled
    assert not any("forward" in vars(module) for module in explainer.model.modules())
    copy.deepcopy(explainer.model)
    pickle.dumps(explainer.model)


@pytest.mark.parametrize(
    "name", [name for name in METHODS if name not in ("cam", "sscam", "iscam")]
)
def test_every_method_with_a_compiled_trunk(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, layer, _ = build("vgg_like")
    images, target = noise(2), ClassScore(torch.tensor([1, 2]))
    expected = Explainer(model, layer, images).forward(images).map(name, target)
    ran = counted_compiler(monkeypatch)
    explainer = Explainer(model, layer, images)
    explainer.compile_trunk(images)
    ran.clear()
    actual = explainer.forward(images).map(name, target)
    assert ran
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_by_the_real_compiler() -> None:
    model, layer, _ = build("vgg_like")
    images, labels = noise(2), torch.tensor([1, -1])
    first_pass = FirstPass(model, layer, ["gradcam++"], images)
    expected = first_pass(images, labels)
    first_pass.compile_trunk(images)
    assert first_pass.explainer.compiled, first_pass.explainer.fallbacks
    actual = first_pass(images, labels)
    torch.testing.assert_close(actual.logits, expected.logits, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(actual.contrast, expected.contrast, rtol=1e-3, atol=1e-4)


def test_tokens() -> None:
    model, known = build_known("torchvision vit")
    images = pictures(known.size)
    explainer = Explainer(model, known.default, images)
    expected = explainer.forward(images)
    assert isinstance(explainer.layouts[known.default], GridLayout)
    explainer.compile_trunk(images)
    assert explainer.compiled, explainer.fallbacks
    actual, target = explainer.forward(images), ClassScore(torch.tensor([1, 2]))
    torch.testing.assert_close(actual.logits, expected.logits, rtol=1e-4, atol=1e-5)
    maps = [forward.map("gradcam", target) for forward in (actual, expected)]
    torch.testing.assert_close(maps[0], maps[1], rtol=1e-3, atol=1e-5)


def test_a_compiler_that_raises_leaves_all_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    model, layer, _ = build("resnet18")
    explainer = Explainer(model, layer, noise(2))
    expected = explainer.logits(noise(2))

    def none(*_: object, **__: object) -> None:
        raise RuntimeError("Cannot find a working compiler\nand a page of advice")

    monkeypatch.setattr(torch, "compile", none)
    explainer.compile_trunk(noise(2))
    assert not explainer.compiled
    assert explainer.fallbacks == ["not compiled: RuntimeError: Cannot find a working compiler"]
    assert torch.equal(explainer.logits(noise(2)), expected)


def test_a_trunk_of_single_layers_is_not_compiled() -> None:
    model, layer, _ = build("plain_cnn")
    explainer = Explainer(model, layer, noise(2))
    explainer.compile_trunk(noise(2))
    assert not explainer.compiled and explainer.fallbacks[0].endswith(
        "holds several layers and no hook"
    )


def test_a_compiler_that_is_wrong_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    model, layer, _ = build("resnet18")
    explainer = Explainer(model, layer, noise(2))
    monkeypatch.setattr(torch, "compile", lambda fn, **_: lambda images: 1.01 * fn(images))
    explainer.compile_trunk(noise(2))
    assert not explainer.compiled
    (told,) = explainer.fallbacks
    assert told.startswith("not compiled: outputs for an example differ by 0.0"), told


class Branching(nn.Module):
    """Its forward cannot be traced by torch.fx."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Linear(8, 4)

    def forward(self, images: Tensor) -> Tensor:
        if float(images.sum()) > 1e9:
            images = images / 2
        return self.head(self.trunk(images).mean(dim=(2, 3)))


def test_what_is_not_folded_is_told() -> None:
    explainer = Explainer(Branching(), "trunk", noise(2))
    assert not explainer.folded
    (told,) = explainer.fallbacks
    assert told.startswith("not folded: torch.fx cannot trace the forward (")


def test_nothing_is_told_where_there_is_nothing_to_fold() -> None:
    model = Branching()
    model.trunk[1] = nn.Identity()
    assert Explainer(model, "trunk", noise(2)).fallbacks == []
    assert Explainer(Branching(), "trunk", noise(2), exact=True).fallbacks == []
