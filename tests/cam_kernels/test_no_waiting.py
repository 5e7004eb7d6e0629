"""The first pass is queued without looking at a value, which on a GPU would wait for all before.

Fake tensors have shapes and no values: whatever asks for one raises.
"""

import pytest
import torch
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
)

from cam_kernels.first_pass import FirstPass
from cam_kernels.targets import ClassScore
from tests.cam_kernels.architectures import build, noise
from tests.cam_kernels.transformers import build_known, pictures


@pytest.mark.parametrize("method", ["gradcam++", "gradcam", "hirescam", "layercam"])
@pytest.mark.parametrize("name", ["resnet18", "vgg_like", "torchvision vit"])
def test_no_value_is_asked_for(name: str, method: str) -> None:
    if name == "torchvision vit":
        model, known = build_known(name)
        layer, images = known.default, pictures(known.size)
    else:
        (model, layer, _), images = build(name), noise(2)
    first_pass = FirstPass(model, layer, [method], images)
    labels = torch.tensor([1, -1])
    first_pass(images, labels)  # constants are made in the first batch
    with FakeTensorMode(allow_non_fake_inputs=True) as fakes:
        batch = first_pass(fakes.from_tensor(images), fakes.from_tensor(labels))
    assert batch.predicted_maps.shape[:2] == (2, 1)


def test_the_test_sees_who_waits() -> None:
    logits, class_idx = torch.zeros(2, 3), torch.tensor([0, 2])
    waiting = (DataDependentOutputException, DynamicOutputShapeException)
    with FakeTensorMode() as fakes, pytest.raises(waiting):
        ClassScore(fakes.from_tensor(class_idx)).check(fakes.from_tensor(logits))
