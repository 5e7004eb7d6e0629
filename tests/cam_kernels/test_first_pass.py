"""What the first pass does, and leaves alone, besides the values of its maps."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from cam_kernels import fast_copy as module_under_test
from cam_kernels.first_pass import FirstPass
from tests import reference
from tests.cam_kernels.architectures import build, noise

NO_LABELS = torch.full((2,), -1)
NAMES = ["plain_cnn", "vgg_like", "densenet121"]


def count_calls(model: nn.Module, layer: str) -> list[Tensor]:
    """A list that grows by the output of `layer` at each call."""
    calls: list[Tensor] = []
    model.get_submodule(layer).register_forward_hook(lambda _m, _i, output: calls.append(output))
    return calls


@pytest.mark.parametrize("exact", [False, True], ids=["fast", "exact"])
@pytest.mark.parametrize("name", NAMES)
def test_one_forward_per_image_and_no_graph_in_the_trunk(name: str, exact: bool) -> None:
    model, layer, _ = build(name)
    first_pass = FirstPass(model, layer, ["gradcam++"], noise(2), exact=exact)
    first_conv = next(
        n for n, m in first_pass.explainer.model.named_modules() if isinstance(m, nn.Conv2d)
    )
    calls, outputs = count_calls(first_pass.explainer.model, first_conv), []
    first_pass.explainer.model.get_submodule(layer).register_forward_pre_hook(
        lambda _m, inputs: outputs.append(inputs[0])
    )
    first_pass(noise(2), NO_LABELS)
    assert len(calls) == 1 and len(calls[0]) == 2
    assert not calls[0].requires_grad and not outputs[0].requires_grad


@pytest.mark.parametrize("name", NAMES)
def test_the_audited_model_is_left_as_it_was(name: str) -> None:
    model, layer, _ = build(name)
    model.train()
    next(model.parameters()).requires_grad_(False)
    before = copy.deepcopy(model)
    hooks = {n: len(m._forward_hooks) for n, m in model.named_modules()}
    FirstPass(model, layer, ["gradcam++"], noise(2))(noise(2), NO_LABELS)
    for (name_now, value), (name_then, expected) in zip(
        model.state_dict().items(), before.state_dict().items(), strict=True
    ):
        assert name_now == name_then
        assert torch.equal(value, expected) and value.stride() == expected.stride()
    for now, then in zip(model.parameters(), before.parameters(), strict=True):
        assert now.requires_grad == then.requires_grad and now.grad is None
    assert all(module.training for module in model.modules())
    assert {n: len(m._forward_hooks) for n, m in model.named_modules()} == hooks


@pytest.mark.parametrize("caller", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize("name", ["plain_cnn", "vgg_like"])
def test_the_caller_s_gradient_mode_does_not_matter(name: str, caller: Callable) -> None:
    model, layer, _ = build(name)
    first_pass = FirstPass(model, layer, ["gradcam++"], noise(2))
    expected = first_pass(noise(2), NO_LABELS)
    with caller():
        batch = first_pass(noise(2), NO_LABELS)
    for field, value in vars(batch).items():
        assert torch.equal(value, getattr(expected, field)), field
        assert not value.requires_grad, field


@pytest.mark.parametrize("name", ["plain_cnn", "vgg_like", "resnet18"])
def test_exact_leaves_the_arithmetic_untouched(name: str) -> None:
    model, layer, _ = build(name)
    images = noise(4)
    with torch.no_grad():
        expected = model(images)
    first_pass = FirstPass(model, layer, ["gradcam++"], noise(2), exact=True)
    logits = first_pass(images, torch.full((4,), -1)).logits
    assert float((logits - expected).abs().max()) == 0
    assert first_pass.explainer.deviation == 0 and not first_pass.explainer.folded


@pytest.mark.parametrize("name", ["vgg_like", "resnet18", "mobilenet_v2", "densenet121"])
def test_folding_is_on_by_default_and_its_deviation_is_stated(name: str) -> None:
    model, layer, _ = build(name)
    first_pass = FirstPass(model, layer, ["gradcam++"], noise(2))
    assert first_pass.explainer.folded and first_pass.explainer.deviation < 1e-5
    before = sum(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    after = sum(isinstance(m, nn.BatchNorm2d) for m in first_pass.explainer.model.modules())
    assert after < before


def test_a_deviation_beyond_the_tolerance_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(model: nn.Module, intact: str | None = None) -> nn.Module:
        spoilt = copy.deepcopy(model)
        spoilt[8].bias.data += 0.1
        return spoilt

    model, layer, _ = build("plain_cnn")
    monkeypatch.setattr(module_under_test, "fold_batch_norms", spoil)
    first_pass = FirstPass(model, layer, ["gradcam++"], noise(2))
    assert not first_pass.explainer.folded and first_pass.explainer.deviation < 1e-6
    logits = first_pass(noise(2), NO_LABELS).logits.double().numpy()
    assert abs(logits - reference.logits_of(model, noise(2))).max() < 1e-5


def test_a_model_without_finite_logits_is_not_speeded_up() -> None:
    model, layer, _ = build("plain_cnn")
    model[8].bias.data[0] = torch.nan
    assert not FirstPass(model, layer, ["gradcam++"], noise(2)).explainer.folded


class Branching(nn.Module):
    """Its forward cannot be traced, and its target layer may run twice."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times
        self.conv, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.head = nn.Linear(3, 4)

    def forward(self, images: Tensor) -> Tensor:
        if images.sum() == 12345:
            return images
        for _ in range(self.times):
            images = self.norm(self.conv(images)).relu()
        return self.head(images.mean(dim=(2, 3)))


def test_an_untraceable_model_runs_unfolded() -> None:
    first_pass = FirstPass(Branching(1), "norm", ["gradcam++"], noise(2))
    assert not first_pass.explainer.folded
    assert first_pass(noise(2), NO_LABELS).predicted_maps[:, 0].shape == (2, 64, 64)


@pytest.mark.parametrize("times", [0, 2])
def test_a_layer_that_does_not_run_just_once_is_refused(times: int) -> None:
    first_pass = FirstPass(Branching(times), "conv", ["gradcam++"], noise(2))
    with pytest.raises(ValueError, match=f"'conv' ran {times} times in one forward; expected"):
        first_pass(noise(2), NO_LABELS)
    assert not first_pass.explainer.model.conv._forward_hooks, "the hook outlives the error"


def test_cam_needs_a_linear_head() -> None:
    model, layer, _ = build("vgg_like")
    with pytest.raises(ValueError, match=r"'cam' needs global pooling.*use 'gradcam"):
        FirstPass(model, layer, ["cam"], noise(2))


def test_labels_must_be_as_many_as_images() -> None:
    model, layer, _ = build("plain_cnn")
    first_pass = FirstPass(model, layer, ["gradcam++"], noise(2))
    with pytest.raises(ValueError, match="2 images but 3 labels"):
        first_pass(noise(2), torch.tensor([0, 1, 2]))


class ChangedLater(nn.Module):
    """The target layer passes its input on, and the model then changes that in place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.target = nn.Conv2d(3, 4, 3, padding=1), nn.Identity()
        self.head = nn.Linear(4, 3)

    def forward(self, images: Tensor) -> Tensor:
        features = self.conv(images)
        passed_on = self.target(features)
        features.mul_(5)
        return self.head((passed_on + features).relu().mean(dim=(2, 3)))


def test_activations_are_those_at_the_time_when_the_layer_ran() -> None:
    torch.manual_seed(0)
    model = ChangedLater()
    batch = FirstPass(model, "target", ["gradcam"], noise(2), exact=True)(noise(2), NO_LABELS)
    with torch.no_grad():
        torch.testing.assert_close(batch.pooled, model.conv(noise(2)).mean(dim=(2, 3)))
