"""Maps of several layers become one."""

import numpy as np
import pytest
import torch

from cam_kernels.methods.weighted_sum import fuse_layers
from tests.cam_kernels.restatements.fullgrad import enlarged


def test_against_a_slow_enlargement() -> None:
    generator = torch.Generator().manual_seed(1)
    maps = [torch.rand((2, *size), generator=generator) for size in [(3, 4), (7, 5), (1, 6)]]
    maps[0] = maps[0] * 1e6 - 1e5
    fused = fuse_layers(maps)
    for n in range(2):
        shares = [layer[n].double().numpy() / layer[n].max().item() for layer in maps]
        parts = [enlarged(share, (7, 6), align_corners=False) for share in shares]
        np.testing.assert_allclose(fused[n], sum(parts) / 3, rtol=1e-5, atol=1e-6)


def test_empty_maps_count_as_nothing_and_nan_stays() -> None:
    fine = torch.tensor([[[2.0, 4.0]], [[1.0, 1.0]], [[1.0, torch.nan]]])
    empty = torch.tensor([[[0.0, 0.0]], [[-1.0, -3.0]], [[1.0, 1.0]]])
    fused = fuse_layers([fine, empty])
    assert fused[:2].tolist() == [[[0.25, 0.5]], [[0.5, 0.5]]]
    assert fused[2].isnan().all()


def test_one_layer_is_only_rescaled_and_half_precision_widened() -> None:
    maps = torch.tensor([[[1.0, 2.0], [0.0, 4.0]]], dtype=torch.bfloat16)
    fused = fuse_layers([maps])
    assert fused.dtype == torch.float32 and fused.tolist() == [[[0.25, 0.5], [0.0, 1.0]]]


@pytest.mark.parametrize(
    "shapes", [[], [(2, 3, 3), (1, 3, 3)], [(2, 1, 3, 3)], [(2, 3, 3), (2, 1, 3, 3)]]
)
def test_maps_that_do_not_belong_together(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match=r"one or more tensors of shape \(N, H, W\)"):
        fuse_layers([torch.zeros(shape) for shape in shapes])
