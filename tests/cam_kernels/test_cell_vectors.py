"""Evidence-weighted features and cell vectors against plain loops."""

import numpy as np
import pytest
import torch

from cam_kernels.cell_vectors import cell_vectors, evidence_features


def test_evidence_features_are_the_weighted_mean_of_each_unit():
    generator = torch.Generator().manual_seed(3)
    activations = torch.randn((3, 5, 2, 4), generator=generator)
    contrast = torch.randn((3, 2, 4), generator=generator)
    found = evidence_features(activations, contrast)
    for image in range(3):
        for unit in range(5):
            total = weight_sum = 0.0
            for row in range(2):
                for col in range(4):
                    weight = max(0.0, float(contrast[image, row, col]))
                    total += weight * float(activations[image, unit, row, col])
                    weight_sum += weight
            assert float(found[image, unit]) == pytest.approx(total / weight_sum, abs=1e-5)


def test_no_positive_contrast_gives_zeros():
    features = evidence_features(torch.ones((1, 4, 2, 2)), -torch.ones((1, 2, 2)))
    assert features.tolist() == [[0.0] * 4]


def test_huge_contrasts_do_not_overflow():
    contrast = torch.full((1, 1, 2), 3e38)
    activations = torch.tensor([[[[1.0, 3.0]]]])
    assert float(evidence_features(activations, contrast)) == pytest.approx(2.0)


def test_cell_vectors_keep_cosines():
    generator = np.random.default_rng(0)
    cells = generator.normal(size=(2048, 12))
    activations = torch.from_numpy(cells).float().reshape(1, 2048, 3, 4)
    found = cell_vectors(activations, 4096)[0].double().numpy()
    for i in range(12):
        for j in range(12):
            cosine = cells[:, i] @ cells[:, j]
            cosine /= np.linalg.norm(cells[:, i]) * np.linalg.norm(cells[:, j])
            assert found[i] @ found[j] == pytest.approx(cosine, abs=0.08)


def test_cell_vectors_do_not_know_the_strength_nor_the_call():
    activations = torch.rand((2, 7, 2, 2), generator=torch.Generator().manual_seed(1))
    once = cell_vectors(activations, 32)
    torch.manual_seed(99)
    again = cell_vectors(activations * 1000, 32)
    torch.testing.assert_close(once, again)
    assert cell_vectors(torch.zeros((1, 7, 2, 2)), 32).abs().max() == 0
