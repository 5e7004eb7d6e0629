"""Segmenters and detectors of torchvision, explained through a function of what they return."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torchvision import models

from cam_kernels.explainer import Explainer
from tests.cam_kernels.architectures import noise


def layercam_by_hand(
    model: nn.Module, layer: str, images: Tensor, score: Callable[[Any], Tensor]
) -> Tensor:
    """sum_k relu(g_k) A_k by a hook and autograd through the whole network, as it is."""
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        kept.append(output)
        return output.clone()

    handle = model.get_submodule(layer).register_forward_hook(keep)
    with torch.enable_grad():
        scores = score(model(images.clone().requires_grad_()))
        (gradient,) = torch.autograd.grad(scores.sum(), kept[0])
    handle.remove()
    return (gradient.relu() * kept[0].detach()).sum(dim=1).relu()


def assert_same_map(
    model: nn.Module, layer: str, score: Callable[[Any], Tensor], tolerance: float
) -> None:
    images = noise(2)
    expected = layercam_by_hand(model, layer, images, score)
    maps = Explainer(model, layer, images).forward(images).map("layercam", score)
    scale = expected.abs().max()
    assert scale > 0
    torch.testing.assert_close(maps / scale, expected / scale, rtol=0, atol=tolerance)


def test_a_segmenter() -> None:
    torch.manual_seed(0)
    model = models.segmentation.lraspp_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=3
    ).eval()

    def area_of_class_1(output: dict[str, Tensor]) -> Tensor:
        return output["out"].softmax(dim=1)[:, 1].mean(dim=(1, 2))

    assert_same_map(model, "backbone.16", area_of_class_1, 1e-4)


def test_a_detector() -> None:
    torch.manual_seed(0)
    model = models.detection.fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None, num_classes=3, box_score_thresh=0.0,
        min_size=64, max_size=64,
    ).eval()  # fmt: skip

    def all_boxes(detections: list[dict[str, Tensor]]) -> Tensor:
        return torch.stack([found["scores"].sum() for found in detections])

    assert len(model(noise(2))[0]["scores"]) > 0
    assert_same_map(model, "backbone.body.16", all_boxes, 1e-3)
