"""Raw maps of other libraries, as they compute them from end to end: hooks, gradients, weights.

Each function takes a model, the name of its target layer, images and one class per image, and
gives maps of shape (N, H, W) before any normalisation or enlargement.
"""

import contextlib
import copy
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from captum.attr import LayerGradCam, LayerGradientXActivation
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from tests.reference import Floats

RawMaps = Callable[[nn.Module, str, Tensor, list[int]], Floats]


def pytorch_grad_cam(
    library: type, target: type = ClassifierOutputTarget, stage: str = "get_cam_image"
) -> RawMaps:
    """The maps that one of its classes passes on at `stage`, before its ReLU and scaling."""

    def raw_maps(model: nn.Module, layer: str, images: Tensor, class_idx: list[int]) -> Floats:
        own = copy.deepcopy(model)
        with contextlib.redirect_stdout(io.StringIO()):  # it prints a warning
            made = library(model=own, target_layers=[own.get_submodule(layer)])
        with made as cam:
            passed = _recorded(cam, stage)
            cam(images.clone(), targets=[target(c) for c in class_idx])
        return passed[0].astype(float).reshape(len(images), *passed[0].shape[-2:])

    return raw_maps


def pytorch_grad_cam_finer(base: type, **options: Any) -> RawMaps:
    """Its Finer-CAM, which takes no class: it explains the predicted ones."""
    from pytorch_grad_cam import FinerCAM

    def raw_maps(model: nn.Module, layer: str, images: Tensor, class_idx: list[int]) -> Floats:
        own = copy.deepcopy(model)
        with FinerCAM(own, [own.get_submodule(layer)], base_method=base) as cam:
            passed = _recorded(cam.base_cam, "get_cam_image")
            cam(images.clone(), **options)
        return passed[0].astype(float)

    return raw_maps


def torchcam(library: type, **options: Any) -> RawMaps:
    def raw_maps(model: nn.Module, layer: str, images: Tensor, class_idx: list[int]) -> Floats:
        own = copy.deepcopy(model).requires_grad_(True)
        extractor = library(own, layer, **options)
        with torch.enable_grad():
            scores = own(images.clone())
            (maps,) = extractor(class_idx, scores, normalized=False)
        return maps.detach().double().numpy()

    return raw_maps


def captum_gradcam(model: nn.Module, layer: str, images: Tensor, class_idx: list[int]) -> Floats:
    own = copy.deepcopy(model)
    method = LayerGradCam(own, own.get_submodule(layer))
    maps = method.attribute(images.clone(), torch.tensor(class_idx), relu_attributions=True)
    return maps[:, 0].detach().double().numpy()


def captum_gradient_x_activation(
    model: nn.Module, layer: str, images: Tensor, class_idx: list[int]
) -> Floats:
    own = copy.deepcopy(model)
    method = LayerGradientXActivation(own, own.get_submodule(layer))
    return (
        method.attribute(images.clone(), torch.tensor(class_idx)).sum(1).detach().double().numpy()
    )


def agreeing_in_sign(maps: Floats, total: Floats) -> Floats:
    """Each map, or its negative, such that its inner product with `total` is positive."""
    products = (maps * total).sum(axis=(1, 2), keepdims=True)
    return np.where(products < 0, -maps, maps)


def _recorded(cam: Any, stage: str) -> list[Any]:
    """What the method named `stage` returns from now on."""
    passed: list[Any] = []
    original = getattr(cam, stage)

    def record(*arguments: Any, **named: Any) -> Any:
        passed.append(original(*arguments, **named))
        return passed[-1]

    setattr(cam, stage, record)
    return passed
