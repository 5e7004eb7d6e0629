"""Total variation and the diversity term against restatements in plain loops."""

import math

import pytest
import torch

from cam_kernels.synthesis.image_priors import style_similarity, total_variation


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_total_variation() -> None:
    images = random(2, 3, 4, 5)
    found = total_variation(images)
    for n, image in enumerate(images.tolist()):
        total = 0.0
        for plane in image:
            for y in range(4):
                for x in range(5):
                    if x + 1 < 5:
                        total += (plane[y][x + 1] - plane[y][x]) ** 2
                    if y + 1 < 4:
                        total += (plane[y + 1][x] - plane[y][x]) ** 2
        assert found[n].item() == pytest.approx(total / 20)


def test_an_even_image_does_not_vary() -> None:
    assert total_variation(torch.full((1, 3, 6, 6), 0.7)).item() == 0


def gram(image: torch.Tensor) -> list[float]:
    cells = image.flatten(1).tolist() if image.ndim == 3 else [[value] for value in image.tolist()]
    return [sum(a * b for a, b in zip(k, other, strict=True)) for k in cells for other in cells]


def cosine(one: list[float], other: list[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / math.sqrt(sum(a * a for a in one) * sum(b * b for b in other))


@pytest.mark.parametrize("shape", [(4, 2, 3), (4,)])
def test_style_similarity(shape: tuple[int, ...]) -> None:
    activations = random(6, *shape)
    found = style_similarity(activations, 3)
    assert found.shape == (2,)
    for unit in range(2):
        grams = [gram(activations[3 * unit + i]) for i in range(3)]
        pairs = [cosine(grams[i], grams[j]) for i in range(3) for j in range(i)]
        assert found[unit].item() == pytest.approx(sum(pairs) / 3)


def test_style_does_not_depend_on_position() -> None:
    image = random(1, 4, 3, 3)
    moved = image.flatten(2)[:, :, torch.randperm(9)].view_as(image)
    assert style_similarity(torch.cat([image, moved]), 2).item() == pytest.approx(1)


def test_one_picture_is_like_no_other() -> None:
    assert style_similarity(random(2, 4, 3, 3), 1).tolist() == [0, 0]


def test_empty_activations_have_no_direction() -> None:
    activations = torch.zeros((2, 4, 3, 3), requires_grad=True)
    similarity = style_similarity(activations, 2)
    similarity.sum().backward()
    assert similarity.tolist() == [0]
    assert activations.grad is not None and activations.grad.isfinite().all()
