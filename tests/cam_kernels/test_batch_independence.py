"""An image's results are bitwise the same whatever its neighbours and its place in the batch.

That is what makes the tables of one shard and of a hundred equal. The batch size is fixed. It
holds for the channels-last pass; with `exact`, the model's own layout decides the last bit.
"""

import pytest
import torch

from cam_kernels.first_pass import FirstPass, FirstPassBatch
from tests.cam_kernels.architectures import build, noise

SIZE = 8
CASES = [("plain_cnn", "gradcam++"), ("vgg_like", "gradcam++"), ("vgg_like", "gradcam"),
         ("resnet18", "cam"), ("resnet18", "gradcam++"), ("mobilenet_v2", "gradcam++"),
         ("mobilenet_v3_small", "gradcam++"), ("densenet121", "gradcam++"),
         ("squeezenet1_0", "gradcam++-official")]  # fmt: skip


def image_in(batch: FirstPassBatch, place: int) -> dict[str, torch.Tensor]:
    return {name: value[place] for name, value in vars(batch).items()}


def assert_same_bits(actual: dict, expected: dict) -> None:
    for name, value in expected.items():
        assert float((actual[name] - value).abs().max()) == 0, name


@pytest.mark.parametrize("name, method", CASES)
def test_neighbours_and_place_do_not_matter(name: str, method: str) -> None:
    model, layer, _ = build(name)
    first_pass = FirstPass(model, layer, [method], noise(2))
    images, labels = noise(SIZE), torch.tensor([0, 1, 2, 3, -1, -1, 4, 5])
    batch = first_pass(images, labels)
    again = first_pass(images, labels)
    mirrored = first_pass(images.flip(0), labels.flip(0))
    others = noise(SIZE, seed=77) * 3
    others[2] = images[2]
    among_others = first_pass(others, labels)
    for place in range(SIZE):
        assert_same_bits(image_in(again, place), image_in(batch, place))
        assert_same_bits(image_in(mirrored, SIZE - 1 - place), image_in(batch, place))
    assert_same_bits(image_in(among_others, 2), image_in(batch, 2))


@pytest.mark.parametrize("name, method", CASES)
def test_a_batch_of_one_is_close(name: str, method: str) -> None:
    """Other kernels may be chosen for another batch size, so close is what can be asked."""
    model, layer, _ = build(name)
    first_pass = FirstPass(model, layer, [method], noise(2))
    images, labels = noise(3), torch.tensor([1, -1, 2])
    batch = first_pass(images, labels)
    alone = first_pass(images[1:2], labels[1:2])
    for field, value in image_in(batch, 1).items():
        if value.is_floating_point():
            scale = max(float(value.abs().max()), 1e-6)
            torch.testing.assert_close(
                getattr(alone, field)[0], value, rtol=1e-4, atol=1e-5 * scale
            )


@pytest.mark.parametrize("name", ["plain_cnn", "vgg_like"])
def test_a_neighbour_that_is_not_finite_stays_alone(name: str) -> None:
    model, layer, _ = build(name)
    first_pass = FirstPass(model, layer, ["gradcam++"], noise(2))
    images, labels = noise(4), torch.full((4,), -1)
    expected = first_pass(images, labels)
    images[1] = torch.nan
    batch = first_pass(images, labels)
    assert not batch.logits[1].isfinite().any()
    assert not batch.predicted_maps[:, 0][1].isfinite().any()
    for place in (0, 2, 3):
        assert_same_bits(image_in(batch, place), image_in(expected, place))
