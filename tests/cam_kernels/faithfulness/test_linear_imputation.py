"""Imputation against scipy's sparse solver and against pytorch-grad-cam's."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_grad_cam.metrics.road import NoisyLinearImputer
from scipy.sparse import lil_matrix
from scipy.sparse.linalg import spsolve
from torch import Tensor

from cam_kernels.faithfulness.linear_imputation import impute

WEIGHTS = {
    (a, b): 1 / 12 if a and b else 1 / 6 for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)
}


def exact(image: Tensor, removed: Tensor) -> np.ndarray:
    """One image (C, h, w): each removed pixel the weighted mean of its neighbours inside."""
    places = [tuple(place) for place in removed.nonzero().tolist()]
    number = {place: n for n, place in enumerate(places)}
    height, width = removed.shape
    matrix, right = lil_matrix((len(places), len(places))), np.zeros((len(places), len(image)))
    for (i, j), n in number.items():
        for (a, b), weight in WEIGHTS.items():
            place = (i + a, j + b)
            if not (0 <= place[0] < height and 0 <= place[1] < width):
                continue
            matrix[n, n] += weight
            if place in number:
                matrix[n, number[place]] -= weight
            else:
                right[n] += weight * image[:, place[0], place[1]].double().numpy()
    out = image.double().numpy().copy()
    solved = np.asarray(spsolve(matrix.tocsc(), right)).reshape(right.shape)
    for (i, j), n in number.items():
        out[:, i, j] = solved[n]
    return out


def hole(kind: str, height: int, width: int) -> Tensor:
    removed = torch.zeros((height, width), dtype=torch.bool)
    if kind == "scattered":
        return torch.rand((height, width), generator=torch.Generator().manual_seed(1)) < 0.6
    if kind == "block":
        removed[3:-4, 2:-5] = True
    if kind == "corner":
        removed[: height // 2, : width // 2] = True
    if kind == "all but one":
        removed[:] = True
        removed[4, 7] = False
    return removed


@pytest.mark.parametrize("kind", ["scattered", "block", "corner", "all but one", "none"])
def test_equals_scipy(kind: str) -> None:
    images = torch.randn((2, 3, 23, 30), dtype=torch.float64).cumsum(2).cumsum(3) / 100
    removed = hole(kind, 23, 30)
    filled = impute(images, removed.expand(2, -1, -1), tolerance=1e-10)
    for got, image in zip(filled, images, strict=True):
        np.testing.assert_allclose(got.numpy(), exact(image, removed), atol=1e-6)
    assert torch.equal(filled[:, :, ~removed], images[:, :, ~removed])


@pytest.mark.parametrize("kind", ["scattered", "block", "corner"])
def test_equals_pytorch_grad_cam_without_noise(kind: str) -> None:
    images, removed = torch.randn((2, 3, 20, 26)), hole(kind, 20, 26)
    filled = impute(images, removed.expand(2, -1, -1), tolerance=1e-6)
    for got, image in zip(filled, images, strict=True):
        expected = NoisyLinearImputer(noise=0)(image, (~removed).float())
        np.testing.assert_allclose(got.numpy(), expected.numpy(), atol=1e-4)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_stated_accuracy_at_the_default_tolerance(share: float) -> None:
    """One large hole of a smooth image of standard deviation 1, in float32."""
    generator = torch.Generator().manual_seed(2)
    image = torch.randn((1, 3, 100, 100), generator=generator).cumsum(2).cumsum(3)
    image = (image - image.mean((2, 3), keepdim=True)) / image.std((2, 3), keepdim=True)
    distance = (torch.arange(100) - 40).square()
    distance = distance[:, None] + distance[None, :]
    removed = distance < distance.flatten().sort().values[int(share * 10_000)]
    error = impute(image, removed[None])[0].numpy() - exact(image[0], removed)
    assert np.sqrt((error[:, removed.numpy()] ** 2).mean()) < 0.03


sizes = st.tuples(st.integers(1, 9), st.integers(1, 9)).filter(lambda size: size != (1, 1))


@settings(max_examples=60, deadline=None)
@given(sizes, st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_any_hole(size: tuple[int, int], seed: int, share: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    image = torch.randn((1, 2, *size), generator=generator, dtype=torch.float64)
    removed = torch.rand(size, generator=generator) < share
    removed.view(-1)[seed % removed.numel()] = False
    filled = impute(image, removed[None], tolerance=1e-10)[0].numpy()
    np.testing.assert_allclose(filled, exact(image[0], removed), atol=1e-6)
    known = image[0][:, ~removed].numpy()
    assert filled.min() >= known.min() - 1e-6 and filled.max() <= known.max() + 1e-6


def test_a_batch_is_its_images_one_by_one() -> None:
    images = torch.randn((4, 3, 17, 19))
    removed = torch.stack([hole(k, 17, 19) for k in ("block", "none", "scattered", "corner")])
    together = impute(images, removed)
    for n in range(4):
        alone = impute(images[n : n + 1], removed[n : n + 1])
        torch.testing.assert_close(alone[0], together[n], rtol=0, atol=1e-5)


def test_what_cannot_be_imputed_is_an_error() -> None:
    images = torch.zeros((2, 3, 4, 4))
    removed = torch.zeros((2, 4, 4), dtype=torch.bool)
    removed[1] = True
    with pytest.raises(ValueError, match="all pixels of an image are removed"):
        impute(images, removed)
    with pytest.raises(ValueError, match=r"got \(2, 3, 4, 4\) and \(1, 4, 4\)"):
        impute(images, removed[:1])
