"""What the papers saw, on real photographs with real weights."""

import csv
from pathlib import Path

import cv2
import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from cam_kernels.saliency.gradients import smoothgrad, vanilla_gradient
from cam_kernels.saliency.rectified import deconvnet, guided_backprop
from cam_kernels.saliency.sanity import parameter_layers, randomisation_test

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
FRAMES = DATA / "davis"
MEAN, STD = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not FRAMES.is_dir(), reason=f"the photographs are not at {DATA}"),
]


@pytest.fixture(scope="module")
def swan() -> tuple[nn.Module, Tensor, Tensor]:
    """mobilenet_v2, one frame and the swan's mask, both squeezed to a square."""
    with (FRAMES / "labels.csv").open() as file:
        row = next(r for r in csv.DictReader(file) if "blackswan" in r["path"])
    pixels = cv2.cvtColor(cv2.imread(str(FRAMES / row["path"])), cv2.COLOR_BGR2RGB)
    pixels = cv2.resize(pixels, (225, 225), interpolation=cv2.INTER_AREA)
    mask = cv2.imread(str(FRAMES / row["mask"]), cv2.IMREAD_GRAYSCALE)
    mask = cv2.resize(mask, (225, 225), interpolation=cv2.INTER_NEAREST)
    model = models.mobilenet_v2(weights=None)
    model.load_state_dict(torch.load(DATA / "weights" / "mobilenet_v2.pth", weights_only=True))
    images = (torch.from_numpy(pixels).permute(2, 0, 1) / 255 - MEAN) / STD
    return model.eval(), images[None], torch.from_numpy(cv2.dilate(mask, None, iterations=3)) > 0


def swan_logit(logits: Tensor) -> Tensor:
    return logits[:, 100]


def lift(view: Tensor, mask: Tensor) -> float:
    """Share of the squared view on the object over the object's share of the area."""
    energy = view[0].square().sum(dim=0)
    return float(energy[mask].sum() / energy.sum() / mask.float().mean())


def test_views_lie_on_the_animal_and_guided_backprop_most_of_all(swan) -> None:
    model, images, mask = swan
    plain = lift(vanilla_gradient(model, images, swan_logit), mask)
    smooth = lift(smoothgrad(model, images, swan_logit, samples=10), mask)
    guided = lift(guided_backprop(model, images, swan_logit), mask)
    assert guided > 3.5 and min(plain, smooth) > 1.2


def test_guided_backprop_survives_a_randomised_head_and_the_gradient_does_not(swan) -> None:
    """Figure 4 of arXiv:1810.03292."""
    model, images, _ = swan
    head = parameter_layers(model, images)[-1:]
    assert head == ["classifier.1"]
    correlations = [
        float(step.correlation)
        for method in (guided_backprop, vanilla_gradient)
        for step in randomisation_test(
            model, lambda net, method=method: method(net, images, swan_logit), head
        )
    ]
    assert correlations[0] > 0.9 and abs(correlations[1]) < 0.3


def test_deconvnet_without_max_pooling_knows_nothing_of_the_image(swan) -> None:
    model, images, _ = swan
    one, other = deconvnet(model, torch.cat([images, -images.flip(3)]), swan_logit)
    torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5 * float(one.abs().max()))
    assert float(one.abs().max()) > 0
