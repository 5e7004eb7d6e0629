"""The layout found, proved by changing one patch of the image and looking where that shows."""

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from cam_kernels.layers.grid_layout import GridLayout
from cam_kernels.layers.target_layer import layer_layout, spatial_layers
from tests.cam_kernels.transformers import NETWORKS, build_known, output_of, pictures


def most_changed(model: nn.Module, layer: str, layout: GridLayout, images: Tensor,
                 cell: tuple[int, int], side: int) -> tuple[int, int]:  # fmt: skip
    """The cell of the grid that changes most when the patch of `cell` does."""
    top, left = cell[0] * side, cell[1] * side
    other = images.clone()
    other[..., top : top + side, left : left + side] *= -1
    before, after = (layout.to_grid(output_of(model, layer, x)) for x in (images, other))
    change = (after - before).abs().sum(dim=(0, 1))
    return divmod(int(change.argmax()), change.shape[1])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_patch_shows_in_its_own_cell(name: str) -> None:
    model, known = build_known(name)
    images = pictures(known.size)
    layer, kind, side = known.early
    layout = layer_layout(model, layer, images)
    assert layout is not None and layout.kind == kind
    assert (layout.rows, layout.cols) == (known.size[0] // side, known.size[1] // side)
    for cell in ((0, layout.cols - 1), (layout.rows - 1, 0), (1, 2)):
        assert most_changed(model, layer, layout, images, cell, side) == cell


class Order(nn.Module):
    def __init__(self, *order: int) -> None:
        super().__init__()
        self.order = order

    def forward(self, values: Tensor) -> Tensor:
        return values.permute(self.order)


def cube(side: int) -> nn.Module:
    """As many channels as rows and columns: the shape tells nothing."""
    return nn.Sequential(
        nn.Conv2d(3, side, 3, stride=2, padding=1), nn.BatchNorm2d(side), nn.ReLU(),
        Order(0, 2, 3, 1), nn.LayerNorm(side), nn.Linear(side, side), nn.GELU(),
        Order(0, 3, 1, 2), nn.Conv2d(side, side, 3, padding=1), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(side, 3),
    ).eval()  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("side", [5, 16])
def test_as_many_channels_as_rows_and_columns(side: int, seed: int) -> None:
    torch.manual_seed(seed)
    model = cube(side)
    layers, _ = spatial_layers(model, pictures((2 * side, 2 * side)))
    assert {layer.name: layer.layout.kind for layer in layers} == {
        **{str(i): "channels_first" for i in (0, 1, 2, 7, 8)},
        **{str(i): "channels_last" for i in (3, 4, 5, 6)},
    }


def test_as_many_channels_as_rows_and_columns_in_a_swin() -> None:
    torch.manual_seed(0)
    model = models.SwinTransformer([4, 4], 16, [2, 1], [2, 2], [4, 4], num_classes=3).eval()
    layers, _ = spatial_layers(model, pictures((64, 64)))
    cubes = {at.name: at.layout.kind for at in layers if at.channels == at.rows == at.cols == 16}
    assert cubes.pop("features.0.0") == "channels_first"
    assert len(cubes) > 10 and set(cubes.values()) == {"channels_last"}


@pytest.mark.parametrize("size", [(32, 48), (48, 32)])
@pytest.mark.parametrize("fill", [0.0, 1.0])
def test_images_without_content_do_not_hide_a_change(size: tuple[int, int], fill: float) -> None:
    """Channels, rows and columns such that both readings have the image's ratio."""
    rows, cols = size[0] // 2, size[1] // 2
    channels = rows * rows // cols
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, channels, 2, stride=2), Order(0, 2, 3, 1), nn.LayerNorm(channels),
        Order(0, 3, 1, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 2),
    ).eval()  # fmt: skip
    layers, _ = spatial_layers(model, torch.full((1, 3, *size), fill))
    assert [(at.name, at.layout.kind, at.rows, at.cols) for at in layers] == [
        ("0", "channels_first", rows, cols), ("1", "channels_last", rows, cols),
        ("2", "channels_last", rows, cols), ("3", "channels_first", rows, cols),
    ]  # fmt: skip


class TokensOf(nn.Module):
    """Tokens from patches, without a convolution, and those that are put before them."""

    def __init__(self, patch: int, prefix: int) -> None:
        super().__init__()
        self.cut = nn.Unfold(patch, stride=patch)
        self.embed = nn.Linear(3 * patch * patch, 11)
        self.before = nn.Parameter(torch.randn(1, prefix, 11))
        self.norm, self.head = nn.LayerNorm(11), nn.Linear(11, 4)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.embed(self.cut(images).transpose(1, 2))
        tokens = torch.cat([self.before.expand(len(images), -1, -1), tokens], dim=1)
        return self.head(self.norm(tokens).mean(dim=1))


@pytest.mark.parametrize("prefix", [0, 1, 2, 5])
def test_patches_cut_without_a_convolution(prefix: int) -> None:
    images = pictures((48, 64))
    model = TokensOf(8, prefix).eval()
    layout = layer_layout(model, "norm", images)
    assert layout == GridLayout("tokens", 6, 8, 11, prefix)
    assert most_changed(model, "norm", layout, images, (4, 6), 8) == (4, 6)


def test_windows_heads_and_tuples_are_no_grids() -> None:
    swin, known = build_known("timm swin")
    listed = {at.name for at in spatial_layers(swin, pictures(known.size))[0]}
    assert "layers.0.blocks.0.norm1" in listed and "layers.0.blocks.0.attn.qkv" not in listed
    vit, known = build_known("vit with norms of queries")
    vit.blocks[0].attn.fused_attn = False
    listed = {at.name for at in spatial_layers(vit, pictures(known.size))[0]}
    assert "blocks.0.attn.qkv" in listed
    assert not listed & {f"blocks.0.attn.{part}" for part in ("q_norm", "k_norm", "attn_drop")}
    vit, known = build_known("torchvision vit")
    attention = "encoder.layers.encoder_layer_0.self_attention"
    assert attention not in {at.name for at in spatial_layers(vit, pictures(known.size))[0]}
    with pytest.raises(ValueError, match=r"self_attention' puts out a tuple, which is no grid"):
        layer_layout(vit, attention, pictures(known.size))


def test_a_gate_per_channel_is_no_grid() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Sigmoid(), nn.Flatten(), nn.Linear(2, 2)
    )
    assert [at.name for at in spatial_layers(model, pictures((96, 64)))[0]] == ["0"]


def test_layers_that_do_not_run_or_put_out_no_tensor_of_cells() -> None:
    model = TokensOf(8, 1).eval()
    model.unused = nn.Identity()
    assert layer_layout(model, "unused", pictures((48, 64))) is None
    with pytest.raises(ValueError, match=r"'head' puts out a tensor of shape \(2, 4\)"):
        layer_layout(model, "head", pictures((48, 64)))
