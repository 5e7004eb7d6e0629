"""The first pass under autocast: near the model, float32 where it counts, or not at all."""

import pytest
import torch
from torch import Tensor, nn

from cam_kernels.explainer import Explainer
from cam_kernels.first_pass import FirstPass
from cam_kernels.methods.registry import METHODS
from cam_kernels.targets import ClassScore
from tests.cam_kernels.architectures import build, noise
from tests.cam_kernels.transformers import build_known, pictures

LABELS = torch.tensor([1, -1, 2, 3])


@pytest.mark.parametrize("name", ["resnet18", "resnet18_middle", "vgg_like"])
def test_near_the_untouched_model(name: str) -> None:
    model, layer, _ = build(name)
    images = noise(4)
    expected = FirstPass(model, layer, ["gradcam++"], images, exact=True)(images, LABELS)
    first_pass = FirstPass(model, layer, ["gradcam++"], images, autocast=torch.bfloat16)
    assert first_pass.explainer.autocast and not first_pass.explainer.fallbacks
    actual = first_pass(images, LABELS)
    assert all(value.dtype in (torch.float32, torch.int64) for value in vars(actual).values())
    largest = expected.logits.abs().max()
    assert 0 < (actual.logits - expected.logits).abs().max() <= 0.015 * largest
    same = (actual.predicted == expected.predicted) & (actual.against == expected.against)
    assert same.sum() >= 2, "near ties may turn"
    for place in same.nonzero()[:, 0].tolist():
        pair = torch.stack([actual.contrast[place].flatten(), expected.contrast[place].flatten()])
        assert torch.corrcoef(pair)[0, 1] > 0.99


def test_products_are_in_half_precision_and_logits_are_not() -> None:
    model, layer, _ = build("resnet18")
    explainer = Explainer(model, layer, noise(2), autocast=torch.bfloat16)
    seen: dict[str, torch.dtype] = {}
    for name in ("layer2", "fc"):
        explainer.model.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, output, name=name: seen.update({name: output.dtype})
        )
    for run in (explainer.forward, explainer.logits):
        run(noise(2))
        assert seen == {"layer2": torch.bfloat16, "fc": torch.float32}
    logits = explainer.logits(noise(64))
    assert not torch.equal(logits, logits.bfloat16().float()), "more than 8 bits"


def test_tokens() -> None:
    model, known = build_known("torchvision vit")
    images, target = pictures(known.size), ClassScore(torch.tensor([1, 2]))
    explainer = Explainer(model, known.default, images, autocast=torch.bfloat16)
    assert explainer.autocast, explainer.fallbacks
    expected = Explainer(model, known.default, images, exact=True).forward(images)
    maps = [f.map("hirescam", target).flatten() for f in (explainer.forward(images), expected)]
    assert torch.corrcoef(torch.stack(maps))[0, 1] > 0.99


@pytest.mark.parametrize(
    "name", [name for name in METHODS if name not in ("cam", "sscam", "iscam")]
)
def test_every_method(name: str) -> None:
    model, layer, _ = build("vgg_like")
    images, target = noise(2), ClassScore(torch.tensor([1, 2]))
    expected = Explainer(model, layer, images).forward(images).map(name, target)
    explainer = Explainer(model, layer, images, autocast=torch.bfloat16)
    actual = explainer.forward(images).map(name, target)
    assert explainer.autocast and actual.dtype == torch.float32
    assert torch.corrcoef(torch.stack([actual.flatten(), expected.flatten()]))[0, 1] > 0.9


class Cancelling(nn.Module):
    """Differences of large numbers, which 8 bits cannot hold."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)

    def forward(self, images: Tensor) -> Tensor:
        features = self.conv(images) + 300
        return self.head((features - 300).mean(dim=(2, 3)))


class OnePrecision(nn.Module):
    """Its product of two matrices, written into one of its own, knows no second precision."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)

    def forward(self, images: Tensor) -> Tensor:
        pooled = self.conv(images).mean(dim=(2, 3))
        return torch.addmm(self.head.bias, pooled, self.head.weight.T, out=pooled.new_empty(0))


@pytest.mark.parametrize(
    ("make", "reason"), [(Cancelling, "outputs for an example differ by"), (OnePrecision, "Error")]
)
def test_what_does_not_stand_it_stays_in_float32(make: type[nn.Module], reason: str) -> None:
    torch.manual_seed(0)
    model = make().eval()
    explainer = Explainer(model, "conv", noise(2), autocast=torch.bfloat16)
    assert not explainer.autocast
    (told,) = explainer.fallbacks
    assert told.startswith("not in bfloat16: ") and reason in told
    with torch.no_grad():
        torch.testing.assert_close(explainer.logits(noise(2)), model(noise(2)))


def test_exact_turns_it_off() -> None:
    model, layer, _ = build("resnet18")
    explainer = Explainer(model, layer, noise(2), exact=True, autocast=torch.bfloat16)
    assert not explainer.autocast and not explainer.fallbacks
    with torch.no_grad():
        assert torch.equal(explainer.logits(noise(2)), model(noise(2)))


def test_compiled_in_half_precision() -> None:
    model, layer, _ = build("vgg_like")
    images = noise(4)
    first_pass = FirstPass(model, layer, ["gradcam++"], images, autocast=torch.bfloat16)
    expected = first_pass(images, LABELS)
    first_pass.compile_trunk(images)
    assert first_pass.explainer.compiled, first_pass.explainer.fallbacks
    actual = first_pass(images, LABELS)
    torch.testing.assert_close(actual.logits, expected.logits, rtol=0.02, atol=0.02)
