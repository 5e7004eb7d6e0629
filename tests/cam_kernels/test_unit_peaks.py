"""The peaks of further layers in the same forward, and what units give to a linear head."""

import numpy as np
import pytest
import torch

from cam_kernels.first_pass import FirstPass
from cam_kernels.head import find_pooled_linear_head
from tests import reference
from tests.cam_kernels.architectures import build, noise

LAYERS = {
    "plain_cnn": ["0", "1", "3"],  # a convolution whose batch norm follows, that norm, ...
    "resnet18": ["layer1", "layer2.0.bn1", "layer4.1"],  # the last: all but the target layer
    "vgg_like": ["features.1", "avgpool"],  # before the target layer, and behind it
    "densenet121": ["features.denseblock1", "features.norm0"],
}


@pytest.mark.parametrize("exact", [False, True], ids=["fast", "exact"])
@pytest.mark.parametrize("name", LAYERS)
def test_peaks_of_all_layers_from_one_forward(name: str, exact: bool) -> None:
    model, target, _ = build(name)
    images, labels = noise(3), torch.tensor([0, 1, -1])
    first_pass = FirstPass(
        model, target, ["gradcam++"], noise(2, seed=9), unit_layers=LAYERS[name], exact=exact
    )
    batch = first_pass(images, labels)
    start = 0
    for layer in (target, *LAYERS[name]):
        grid, _ = reference.activations_and_gradients(model, layer, images, [0, 0, 0])
        flat = grid.reshape(*grid.shape[:2], -1)
        part = slice(start, start + flat.shape[1])
        found, position = batch.unit_max[:, part].double().numpy(), batch.unit_position[:, part]
        allowed = 1e-4 * np.abs(flat).max()
        np.testing.assert_allclose(found, flat.max(axis=2), rtol=0, atol=allowed)
        at_position = np.take_along_axis(flat, position.numpy()[..., None], axis=2)[..., 0]
        np.testing.assert_allclose(at_position, flat.max(axis=2), rtol=0, atol=allowed)
        start = part.stop
    assert batch.unit_max.shape == batch.unit_position.shape == (3, start)


def test_further_layers_change_nothing_else() -> None:
    model, target, _ = build("vgg_like")
    images, labels = noise(3), torch.tensor([0, 1, -1])
    plain = FirstPass(model, target, ["gradcam++"], noise(2), exact=True)(images, labels)
    layers = LAYERS["vgg_like"]
    more = FirstPass(model, target, ["gradcam++"], noise(2), unit_layers=layers, exact=True)(
        images, labels
    )
    for name, value in vars(plain).items():
        assert torch.equal(getattr(more, name)[:, : value.shape[1]] if value.ndim > 1
                           else getattr(more, name), value), name  # fmt: skip


@pytest.mark.parametrize("name", ["plain_cnn", "resnet18", "mobilenet_v2"])
def test_behind_pooling_and_a_linear_layer_all_contributions_are_the_logit(name: str) -> None:
    """Section 2 of arXiv:1512.04150: S_c = sum over k of w_k^c F_k."""
    model, target, _ = build(name)
    images, labels = noise(4), torch.tensor([0, 1, 2, 3])
    batch = FirstPass(model, target, ["gradcam++"], noise(2))(images, labels)
    head = find_pooled_linear_head(model, target, images)
    assert head is not None
    weights = head.weight[labels].double()
    torch.testing.assert_close(batch.contribution.double(), weights * batch.pooled, rtol=1e-4,
                               atol=1e-6)  # fmt: skip
    logits = reference.logits_of(model, images)[range(4), labels] - head.bias[labels].numpy()
    np.testing.assert_allclose(batch.contribution.sum(dim=1), logits, rtol=1e-3, atol=1e-4)


class Twice(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.shared, self.last = torch.nn.Conv2d(3, 3, 3), torch.nn.Conv2d(3, 4, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.last(self.shared(self.shared(images))).mean(dim=(2, 3))


def test_a_layer_that_runs_twice_is_refused() -> None:
    first_pass = FirstPass(Twice(), "last", ["gradcam"], noise(2), unit_layers=["shared"])
    with pytest.raises(ValueError, match=r"'shared' ran 2 times in one forward; expected once"):
        first_pass(noise(2), torch.tensor([0, 1]))


@pytest.mark.parametrize("layer, says", [("absent", "not in the model"), ("8", "no grid")])
def test_a_layer_that_is_not_there_or_has_no_grid(layer: str, says: str) -> None:
    model, target, _ = build("plain_cnn")
    with pytest.raises(ValueError, match=says):
        FirstPass(model, target, ["gradcam"], noise(2), unit_layers=[layer])
