"""Deep feature factorisation against sklearn's NMF and on factors that are known."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import NMF
from torch import Tensor

from cam_kernels.methods.factorisation import concept_class_scores, deep_feature_factorisation
from tests import reference
from tests.cam_kernels.architectures import build, noise


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def matrix_of(activations: Tensor) -> np.ndarray:
    return activations.relu().permute(0, 2, 3, 1).reshape(-1, activations.shape[1]).double().numpy()


def restored(maps: Tensor, concepts: Tensor) -> np.ndarray:
    amounts = maps.permute(0, 2, 3, 1).reshape(-1, len(concepts)).double()
    return (amounts @ concepts.double()).numpy()


@pytest.mark.parametrize(
    "name, layer, components",
    [
        ("vgg_like", "features", 1),
        ("vgg_like", "features", 3),
        ("resnet18", "layer3", 3),
        ("mobilenet_v2", "features.13.conv.1", 3),
        ("mobilenet_v2", "features.13.conv.1", 8),
    ],
)
@pytest.mark.filterwarnings("ignore:Maximum number of iterations")
def test_at_most_one_percent_worse_than_sklearn(name: str, layer: str, components: int) -> None:
    """Both stop in local minima, so the mean over three seeds is compared, as many rounds each."""
    model, _, _ = build(name)
    exact, _ = reference.activations_and_gradients(model, layer, noise(4, side=48), [0] * 4)
    activations = torch.tensor(exact, dtype=torch.float32)
    matrix = matrix_of(activations)
    ours, theirs = [], []
    for seed in range(3):
        peer = NMF(components, init="random", random_state=seed, max_iter=200)
        theirs.append(np.linalg.norm(matrix - peer.fit_transform(matrix) @ peer.components_))
        maps, concepts = deep_feature_factorisation(activations, components, 200, seeded(seed))
        ours.append(np.linalg.norm(matrix - restored(maps, concepts)))
        assert (maps >= 0).all() and (concepts >= 0).all()
    assert np.mean(ours) <= 1.01 * np.mean(theirs)


def planted() -> tuple[Tensor, Tensor, Tensor]:
    """Activations that two concepts explain exactly; each is alone somewhere."""
    concepts = torch.tensor([[1.0, 0.0, 2.0, 0.0, 2.0], [0.0, 3.0, 0.0, 4.0, 0.0]])
    amounts = torch.rand((3, 2, 4, 4), generator=seeded(1))
    amounts[:, 0, 0], amounts[:, 1, 1] = 0, 0
    amounts[:, 1] *= 3
    return torch.einsum("nrhw,rk->nkhw", amounts, concepts), amounts, concepts


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_planted_concepts_are_found(dtype: torch.dtype) -> None:
    activations, amounts, concepts = planted()
    activations[activations == 0] = -1.0  # below 0 counts as 0
    maps, found = deep_feature_factorisation(activations.to(dtype), 2, 500, seeded())
    assert maps.dtype == found.dtype == dtype
    lengths = concepts.norm(dim=1)
    expected = (concepts / lengths[:, None]).flip(0)  # the second has more energy
    torch.testing.assert_close(found, expected.to(dtype), rtol=1e-3, atol=1e-3)
    sizes = (amounts * lengths[:, None, None]).flip(1)
    torch.testing.assert_close(maps, sizes.to(dtype), rtol=1e-2, atol=2e-2)


def test_contributions_add_up_to_the_logit() -> None:
    activations, _, _ = planted()
    weights = torch.randn((4, 5), generator=seeded(2))
    maps, concepts = deep_feature_factorisation(activations, 2, 500, seeded())
    scores = concept_class_scores(concepts, weights)
    by_hand = [[sum(h * w for h, w in zip(c, row, strict=True)) for row in weights.tolist()]
               for c in concepts.tolist()]  # fmt: skip
    np.testing.assert_allclose(scores, by_hand, rtol=1e-5, atol=1e-5)
    total = maps.mean(dim=(2, 3)) @ scores
    torch.testing.assert_close(
        total, activations.mean(dim=(2, 3)) @ weights.T, rtol=1e-3, atol=1e-3
    )


def test_a_seed_decides() -> None:
    activations = torch.rand((2, 5, 3, 3), generator=seeded(3))
    first, again = (deep_feature_factorisation(activations, 3, 20, seeded(9)) for _ in range(2))
    other = deep_feature_factorisation(activations, 3, 20, seeded(10))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_bfloat16_is_widened() -> None:
    activations = torch.rand((2, 5, 3, 3), generator=seeded(3)).bfloat16()
    maps, concepts = deep_feature_factorisation(activations, 2, generator=seeded())
    expected = deep_feature_factorisation(activations.float(), 2, generator=seeded())
    assert torch.equal(maps, expected[0]) and torch.equal(concepts, expected[1])


def test_an_image_that_is_not_finite_is_left_out() -> None:
    activations = torch.rand((4, 5, 3, 3), generator=seeded(3))
    expected, concepts = deep_feature_factorisation(activations[[0, 1, 3]], 2, generator=seeded())
    activations[2, 1, 1, 1] = torch.nan
    maps, found = deep_feature_factorisation(activations, 2, generator=seeded())
    assert maps[2].isnan().all()
    assert torch.equal(maps[[0, 1, 3]], expected) and torch.equal(found, concepts)
    nothing, _ = deep_feature_factorisation(activations[2:3], 2, generator=seeded())
    assert nothing.isnan().all()


def test_no_activation_and_more_concepts_than_there_are() -> None:
    maps, concepts = deep_feature_factorisation(torch.zeros((2, 3, 2, 2)), 2, generator=seeded())
    assert maps.abs().max() == 0 and concepts.isfinite().all()
    activations, _, _ = planted()
    maps, concepts = deep_feature_factorisation(activations, 7, 500, seeded())
    np.testing.assert_allclose(restored(maps, concepts), matrix_of(activations), atol=2e-2)


@pytest.mark.parametrize("components, iterations", [(0, 10), (-1, 10), (2, 0)])
def test_bad_input(components: int, iterations: int) -> None:
    with pytest.raises(
        ValueError, match=f"at least 1, got components={components} and iterations={iterations}"
    ):
        deep_feature_factorisation(torch.rand((1, 2, 3, 3)), components, iterations)
