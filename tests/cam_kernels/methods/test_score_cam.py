"""Score-CAM, SS-CAM and IS-CAM against restatements and libraries, and on bad input."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from cam_kernels.methods.score_cam import (
    iscam_weights,
    live_channels,
    scorecam_weights,
    sscam_weights,
)
from cam_kernels.methods.weighted_sum import heatmap
from tests.cam_kernels import perturbation_peers as peers
from tests.cam_kernels import restated
from tests.cam_kernels.perturbed_models import LARGE, SMALL, perturbed_model
from tests.cam_kernels.restatements import perturbation

METHODS: dict[str, Callable[..., Tensor]] = {
    "scorecam": scorecam_weights,
    "sscam": partial(sscam_weights, samples=2, std=2.0, seed=3),
    "iscam": partial(iscam_weights, samples=4),
}
RESTATED = {
    "scorecam": restated.scorecam,
    "sscam": partial(restated.sscam, samples=2, std=2.0, seed=3),
    "iscam": partial(restated.iscam, samples=4),
}
TORCHCAM = {
    "scorecam": peers.torchcam_scorecam,
    "sscam": partial(peers.torchcam_sscam, samples=2, std=2.0, seed=3),
    "iscam": partial(peers.torchcam_iscam, samples=4),
}
each_method = pytest.mark.parametrize("method", METHODS)


def example(count: int = 3) -> tuple[Tensor, Tensor]:
    """Images and activations with a dead and a constant channel."""
    generator = torch.Generator().manual_seed(4)
    images = torch.randn((count, 2, 9, 7), generator=generator)
    activations = torch.randn((count, 5, 3, 4), generator=generator)
    activations[:, 1], activations[0, 3] = 0, 0.7
    return images, activations


def row_score(images: Tensor, of: Tensor) -> Tensor:
    """A score whose rows cannot depend on their neighbours, as each is computed alone."""
    return torch.stack([(row.tanh().sum() * (n + 1)) for row, n in zip(images, of, strict=True)])


@pytest.mark.parametrize("name", SMALL)
@each_method
def test_weights_are_those_of_the_restatement(name: str, method: str) -> None:
    case = perturbed_model(name)
    actual = METHODS[method](case.images, case.activations, case.image_score, batch_size=5)
    expected = RESTATED[method](case)
    equal_weights = np.full_like(expected, 1 / expected.shape[1])
    assert restated.difference(equal_weights, expected) > 0.05  # else any softmax would pass
    assert restated.difference(actual, expected) < 2e-5


@pytest.mark.parametrize("name", LARGE)
def test_weights_of_torchvision_s_networks(name: str) -> None:
    case = perturbed_model(name, count=1)
    actual = scorecam_weights(case.images, case.activations, case.image_score)
    assert restated.difference(actual, restated.scorecam(case)) < 3e-4


def test_the_map_is_that_of_the_restatement() -> None:
    case = perturbed_model("depthwise")
    weights = scorecam_weights(case.images, case.activations, case.image_score)
    maps = heatmap(case.activations, weights)
    for n, expected in enumerate(restated.scorecam(case)):
        raw = perturbation.class_map(case.activations[n], expected)
        np.testing.assert_allclose(maps[n], raw, rtol=1e-4, atol=1e-4 * raw.max())


@each_method
def test_dead_channels_cost_nothing_and_weigh_nothing(method: str) -> None:
    images, activations = example()
    rows: list[int] = []

    def counting(masked: Tensor, of: Tensor) -> Tensor:
        rows.append(len(of))
        return row_score(masked, of)

    weights = METHODS[method](images, activations, counting, batch_size=4)
    live = live_channels(activations)
    assert live.sum(dim=1).tolist() == [3, 4, 4]
    assert sum(rows) == 11 * {"scorecam": 1, "sscam": 2, "iscam": 3}[method]
    assert max(rows) == 4
    assert weights[~live].tolist() == [0.0] * 4
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(3))


def test_defaults_are_those_of_the_papers() -> None:
    rows: list[int] = []

    def counting(masked: Tensor, of: Tensor) -> Tensor:
        rows.append(len(of))
        return masked.sum(dim=(1, 2, 3))

    images, activations = example(1)
    sscam_weights(images, activations, counting)
    assert sum(rows) == 35 * 3
    rows.clear()
    iscam_weights(images, activations, counting)
    assert sum(rows) == 9 * 3


def test_a_mask_by_hand() -> None:
    """Where the grid is the image's, the mask is the activation moved and scaled to [0, 1]."""
    activations = torch.tensor([[[[1.0, 3.0], [2.0, 5.0]]]])
    images = torch.tensor([[[[8.0, 4.0], [4.0, 2.0]]]])
    seen: list[Tensor] = []

    def score(masked: Tensor, of: Tensor) -> Tensor:
        seen.append(masked)
        return masked.sum(dim=(1, 2, 3))

    assert scorecam_weights(images, activations, score).tolist() == [[1.0]]
    assert seen[0].tolist() == [[[[0.0, 2.0], [1.0, 2.0]]]]
    seen.clear()
    iscam_weights(images, activations, score, samples=3)
    torch.testing.assert_close(seen[0][0, 0], torch.tensor([[0, 2 / 3], [1 / 3, 2 / 3]]))
    assert seen[1].tolist() == [[[[0.0, 2.0], [1.0, 2.0]]]]


@each_method
def test_neighbours_and_batch_size_do_not_matter(method: str) -> None:
    images, activations = example()
    together = METHODS[method](images, activations, row_score, batch_size=4)
    for n in range(3):
        alone = METHODS[method](
            images[n : n + 1],
            activations[n : n + 1],
            lambda masked, of, n=n: row_score(masked, of + n),
            batch_size=100,
        )
        assert alone[0].tolist() == together[n].tolist()


@each_method
def test_nan_stays_nan_and_stays_alone(method: str) -> None:
    images, activations = example()
    expected = METHODS[method](images, activations, row_score)
    activations[1, 2, 0, 0] = torch.nan
    weights = METHODS[method](images, activations, row_score)
    maps = heatmap(activations, weights)
    assert maps[1].isnan().all()
    assert weights[[0, 2]].tolist() == expected[[0, 2]].tolist()


@each_method
def test_an_image_without_a_live_channel_has_an_empty_map(method: str) -> None:
    images, activations = example(2)
    activations[1] = 0
    weights = METHODS[method](images, activations, row_score)
    assert weights[1].tolist() == [0.0] * 5
    assert METHODS[method](images[1:], activations[1:], row_score).tolist() == [[0.0] * 5]


@each_method
@pytest.mark.parametrize(
    "spoil",
    [
        lambda scores: scores[:-1],
        lambda scores: scores[:, None].expand(-1, 2),
        lambda scores: scores.sum(),
    ],
)
def test_a_score_count_that_differs_is_an_error(method: str, spoil: Callable) -> None:
    with pytest.raises(ValueError, match="the score of the one class asked for in each row"):
        METHODS[method](*example(), lambda masked, of: spoil(row_score(masked, of)))


@each_method
def test_bad_input(method: str) -> None:
    images, activations = example()
    for batch_size in (0, -3):
        with pytest.raises(ValueError, match="batch_size is"):
            METHODS[method](images, activations, row_score, batch_size=batch_size)
    with pytest.raises(ValueError, match="2 images but activations of 3"):
        METHODS[method](images[:2], activations, row_score)


def test_too_few_samples() -> None:
    with pytest.raises(ValueError, match="samples is 0; expected at least 1"):
        sscam_weights(*example(), row_score, samples=0)
    with pytest.raises(ValueError, match="samples is 1; expected at least 2"):
        iscam_weights(*example(), row_score, samples=1)


@pytest.mark.parametrize("name", [name for name in SMALL if name != "plain_cnn_before_relu"])
@each_method
def test_torchcam_differs_by_its_masks_alone(name: str, method: str) -> None:
    """It scales before it enlarges, gives dead channels black masks, and starts IS-CAM at 1/n."""
    case = perturbed_model(name, count=1)
    started = {"first": 1} if method == "iscam" else {}
    explained = RESTATED[method](case, enlarge_last=True, keep_dead=True, **started)
    assert restated.difference(TORCHCAM[method](case), explained) < 2e-5


@pytest.mark.parametrize("name", SMALL)
def test_pytorch_grad_cam_differs_by_its_masks_alone(name: str) -> None:
    """It enlarges with aligned corners and gives dead channels black masks."""
    case = perturbed_model(name, count=1)
    explained = restated.scorecam(case, align_corners=True, keep_dead=True)
    assert restated.difference(peers.grad_cam_scorecam(case), explained) < 2e-5


def test_peers_agree_where_nothing_is_enlarged() -> None:
    case = perturbed_model("vgg_like", count=1)
    assert case.activations.shape[2:] == case.images.shape[2:]
    asked = case.images, case.activations, case.image_score
    assert restated.difference(scorecam_weights(*asked), peers.grad_cam_scorecam(case)) < 1e-5
    for method in ("scorecam", "sscam"):
        assert restated.difference(METHODS[method](*asked), TORCHCAM[method](case)) < 1e-5
