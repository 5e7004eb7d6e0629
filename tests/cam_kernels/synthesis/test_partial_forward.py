"""The output of one layer, and that nothing behind it runs."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cam_kernels.synthesis.partial_forward import forward_ends_at, layer_output
from tests.cam_kernels.architectures import plain_cnn, randomise


class Refuses(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        raise RuntimeError("this layer must not run")


class Answers(nn.Module):
    """A layer that puts out whatever it was given to put out."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.inner = nn.Identity()
        self.answer = answer
        self.unused = nn.Identity()

    def forward(self, images: Tensor) -> Any:
        self.inner(images)
        return self.answer


IMAGES = torch.rand((2, 3, 16, 16), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("layer", ["0", "1", "3", "4", "5", "7", "8"])
def test_output_is_that_of_the_modules_one_after_the_other(layer: str) -> None:
    model = randomise(plain_cnn())
    expected = IMAGES
    for module in list(model)[: int(layer) + 1]:
        expected = module(expected)
        expected = expected.clone()
    if layer == "4":  # an in-place ReLU follows, which must not have run
        assert (expected < 0).any()
    torch.testing.assert_close(layer_output(model, layer, IMAGES), expected, rtol=0, atol=0)
    assert not any(module._forward_hooks for module in model.modules())


def test_without_a_layer_the_logits() -> None:
    model = randomise(plain_cnn())
    assert torch.equal(layer_output(model, None, IMAGES), model(IMAGES))


def test_what_follows_does_not_run() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), Refuses())
    assert torch.equal(layer_output(model, "0", IMAGES), model[0](IMAGES))


def test_errors_of_the_model_are_not_swallowed() -> None:
    model = nn.Sequential(Refuses(), nn.Conv2d(3, 4, 3))
    with pytest.raises(RuntimeError, match="must not run"):
        layer_output(model, "1", IMAGES)
    assert not any(module._forward_hooks for module in model.modules())


def test_another_end_of_the_forward_passes_through() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3))
    with forward_ends_at(model, "0"), pytest.raises(Exception, match="ends here on purpose"):
        layer_output(model, "1", IMAGES)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((torch.zeros(2, 4),), "puts out tuple"),
        (torch.zeros(2, 4, 5), r"shape \(2, 4, 5\)"),
        (torch.zeros(1, 4), r"shape \(1, 4\) for 2 images"),
        (torch.zeros(2, 4, 5, 5, 5), r"expected \(N, channels, rows, cols\) or \(N, features\)"),
    ],
)
def test_other_forms_are_refused(answer: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        layer_output(nn.Sequential(Answers(answer)), "0", IMAGES)


def test_a_layer_that_does_not_run_is_named() -> None:
    with pytest.raises(ValueError, match="'unused' is not run"):
        layer_output(Answers(torch.zeros(2, 4)), "unused", IMAGES)


def test_an_unknown_layer() -> None:
    with pytest.raises(AttributeError):
        layer_output(plain_cnn(), "layer9", IMAGES)
