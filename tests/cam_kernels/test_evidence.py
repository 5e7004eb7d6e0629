"""What an Explainer gives to the methods that ask the model again, against asking it by hand."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cam_kernels.explainer import Explainer
from cam_kernels.head_alone import head_alone
from cam_kernels.methods.ablation_cam import ablationcam_weights
from cam_kernels.methods.registry import METHODS
from cam_kernels.methods.score_cam import scorecam_weights
from cam_kernels.methods.smooth_gradcam_pp import smooth_gradcam_pp_weights
from cam_kernels.methods.weighted_sum import heatmap
from cam_kernels.targets import ClassScore, class_targets
from tests.cam_kernels.architectures import build, noise
from tests.cam_kernels.perturbed_models import SMALL, PerturbedModel, perturbed_model


def by_hand(method: str, case: PerturbedModel) -> Tensor:
    if method == "scorecam":
        weights = scorecam_weights(case.images, case.activations, case.image_score)
    elif method == "ablationcam":
        weights = ablationcam_weights(case.activations, case.activation_score, case.base_scores)
    else:
        weights = smooth_gradcam_pp_weights(case.images, case.activations, case.gradients_of)
    return heatmap(case.activations, weights)


@pytest.mark.parametrize("method", ["scorecam", "ablationcam", "smooth-gradcam++"])
@pytest.mark.parametrize("name", SMALL)
def test_methods_that_ask_again(name: str, method: str) -> None:
    case = perturbed_model(name, count=3)
    for exact in (False, True):
        explainer = Explainer(case.model, case.layer, case.images, exact=exact)
        maps = explainer.forward(case.images).map(method, ClassScore(case.class_idx))
        expected = by_hand(method, case)
        scale = float(expected.abs().max())
        torch.testing.assert_close(maps, expected, rtol=2e-3, atol=2e-4 * scale)


@pytest.mark.parametrize("method", ["scorecam", "ablationcam", "smooth-gradcam++", "iscam"])
def test_several_targets_share_the_extra_forwards(method: str) -> None:
    case = perturbed_model("vgg_like", count=2)
    explainer = Explainer(case.model, case.layer, case.images)
    targets = class_targets(torch.tensor([[0, 3, 5], [6, 2, 1]]))
    calls: list[int] = []
    handle = explainer.model.register_forward_hook(lambda *_: calls.append(1))
    forward = explainer.forward(case.images)
    together = forward.maps([method], targets)[method]
    for_three = len(calls)
    each = [explainer.forward(case.images).map(method, target) for target in targets]
    handle.remove()
    torch.testing.assert_close(together, torch.stack(each, dim=1), rtol=0, atol=0)
    assert len({float(m.sum()) for m in each}) == 3
    assert len(calls) - for_three == 3 * for_three
    # Another method of the same forward asks other questions.
    again = forward.map("sscam", targets[0])
    torch.testing.assert_close(again, explainer.forward(case.images).map("sscam", targets[0]))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_the_same_map_alone_and_in_a_batch(method: str) -> None:
    case = perturbed_model("plain_cnn", count=3)
    explainer = Explainer(case.model, case.layer, case.images)
    together = explainer.forward(case.images).map(method, ClassScore(case.class_idx))
    for n in range(3):
        one = slice(n, n + 1)
        alone = explainer.forward(case.images[one]).map(method, ClassScore(case.class_idx[one]))
        assert together[n].abs().max() > 0
        torch.testing.assert_close(together[one], alone, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("method", ["scorecam", "ablationcam", "smooth-gradcam++", "shapleycam"])
def test_a_function_as_the_target_of_one_image(method: str) -> None:
    case = perturbed_model("vgg_like", count=2)
    explainer = Explainer(case.model, case.layer, case.images)
    forward = explainer.forward(case.images[:1])

    def logit(logits: Tensor) -> Tensor:
        return logits[:, 3]

    as_class = forward.map(method, ClassScore(torch.tensor([3])))
    if method != "shapleycam":  # of a class it explains ReST, of a function the function
        torch.testing.assert_close(forward.map(method, logit), as_class, rtol=1e-4, atol=1e-6)
    if method in ("scorecam", "ablationcam"):
        with pytest.raises(ValueError, match="explain one image at a time"):
            explainer.forward(case.images).map(method, logit)


def run(model: nn.Module, layer: str, images: Tensor) -> tuple[Tensor, Tensor]:
    kept: list[Tensor] = []
    handle = model.get_submodule(layer).register_forward_hook(
        lambda _m, _i, output: kept.append(output.clone())
    )
    with torch.no_grad():
        output = model(images)
    handle.remove()
    return kept[0], output


@pytest.mark.parametrize(
    "name, layer, apart",
    [
        ("plain_cnn", "5", True),
        ("vgg_like", "features", True),
        ("vgg_like", "features.3", True),
        ("resnet18", "layer4", True),
        ("resnet18", "layer3", True),
        ("resnet18", "layer4.0.conv1", False),  # the shortcut goes past it
        ("squeezenet1_0", "features", True),
    ],
)
def test_the_head_runs_apart_where_nothing_goes_past_the_layer(
    name: str, layer: str, apart: bool
) -> None:
    model, _, _ = build(name)
    kept, output = run(model, layer, noise(2))
    head = head_alone(model, layer, kept, output)
    assert (head is not None) == apart
    if head is not None:
        others, expected = run(model, layer, noise(2, seed=5))
        with torch.no_grad():
            torch.testing.assert_close(head(others), expected)


class Untraceable(nn.Module):
    """Branches on its input, so that no part of it can be cut out."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)

    def forward(self, images: Tensor) -> Any:
        grid = self.conv(images).relu()
        return self.fc(grid.mean(dim=(2, 3))) if grid.sum() > -1 else grid


def test_ablation_without_a_head_apart() -> None:
    torch.manual_seed(0)
    model, images = Untraceable().eval(), noise(2, side=16)
    explainer = Explainer(model, "conv", images)
    target = ClassScore(torch.tensor([0, 2]))
    forward = explainer.forward(images)
    maps = forward.map("ablationcam", target)
    (evidence,) = forward.layers.values()
    base = evidence.scores(target).detach()
    for n, k in ((0, 0), (1, 3)):
        changed = evidence.activations[n : n + 1].clone()
        changed[:, k] = 0
        with torch.no_grad():
            score = model.fc(changed.relu().mean(dim=(2, 3)))[0, target.class_idx[n]]
        weight = (base[n] - score) / base[n].abs()
        weights = ablationcam_weights(
            evidence.activations, evidence.activation_score(target, "by hand"), base
        )
        torch.testing.assert_close(weights[n, k], weight, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(maps, heatmap(evidence.activations, weights))
