"""Small networks with tokens, with the channels last, and what is known of them by hand."""

from collections.abc import Callable
from dataclasses import dataclass

import timm
import torch
from torch import Tensor, nn
from torchvision import models

from tests.cam_kernels.architectures import CLASSES


def _vit(name: str, side: int | tuple[int, int] = 64, **settings: object) -> Callable:
    return lambda: timm.create_model(
        name, img_size=side, num_classes=CLASSES, depth=2, embed_dim=48, num_heads=3, **settings
    )


def _torchvision_vit() -> nn.Module:
    return models.VisionTransformer(
        image_size=64, patch_size=16, num_layers=3, num_heads=2, hidden_dim=32, mlp_dim=64,
        num_classes=CLASSES,
    )  # fmt: skip


def _torchvision_swin() -> nn.Module:
    return models.SwinTransformer([4, 4], 24, [1, 1, 2], [1, 2, 4], [3, 3], num_classes=CLASSES)


def _timm_swin() -> nn.Module:
    return timm.create_model(
        "swin_tiny_patch4_window7_224", img_size=(64, 96), embed_dim=24, depths=(1, 1, 2),
        num_heads=(1, 2, 4), window_size=4, num_classes=CLASSES,
    )  # fmt: skip


def _torchvision_convnext() -> nn.Module:
    setting = models.convnext.CNBlockConfig
    blocks = [setting(12, 24, 1), setting(24, 40, 2), setting(40, None, 1)]
    model = models.convnext.ConvNeXt(blocks, layer_scale=0.5, num_classes=CLASSES)
    model.features[1][0].block[0].weight.data[..., 3, 3] += 3  # a cell sees itself most
    return model


def _timm_convnext() -> nn.Module:
    return timm.create_model("convnext_atto", depths=(1, 1, 1, 1), num_classes=CLASSES)


@dataclass(frozen=True)
class Known:
    """What is known of a network by reading its code.

    size : sides of its images; default : the layer to explain
    kind, grid, prefix : the layout of that layer
    early : a layer near the input, its kind and the side of its cells in pixels
    gap_linear : whether global average pooling and one linear layer follow the default layer
    """

    make: Callable[[], nn.Module]
    size: tuple[int, int]
    default: str
    kind: str
    grid: tuple[int, int]
    prefix: int
    early: tuple[str, str, int]
    gap_linear: bool


def _tokens(
    make: Callable, size: tuple[int, int], default: str, prefix: int, early: str = "blocks.0",
    patch: int = 16, gap_linear: bool = False,
) -> Known:  # fmt: skip
    grid = (size[0] // patch, size[1] // patch)
    return Known(make, size, default, "tokens", grid, prefix, (early, "tokens", patch), gap_linear)


NETWORKS = {
    "torchvision vit": _tokens(
        _torchvision_vit, (64, 64), "encoder.layers.encoder_layer_2.ln_1", 1,
        "encoder.layers.encoder_layer_0",
    ),
    "vit, not square": _tokens(
        _vit("vit_tiny_patch16_224", (64, 96)), (64, 96), "blocks.1.norm1", 1
    ),
    "vit with norms of queries": _tokens(
        _vit("vit_tiny_patch16_224", (64, 48), qk_norm=True), (64, 48), "blocks.1.norm1", 1
    ),
    "deit": _tokens(_vit("deit_tiny_patch16_224"), (64, 64), "blocks.1.norm1", 1),
    "deit, distilled": _tokens(
        _vit("deit_tiny_distilled_patch16_224"), (64, 64), "blocks.1.norm1", 2
    ),
    "vit of the mean": _tokens(
        _vit("vit_tiny_patch16_224", global_pool="avg"), (64, 64), "blocks", 1
    ),
    "vit of the mean, norm before": _tokens(
        _vit("vit_tiny_patch16_224", global_pool="avg", fc_norm=False, class_token=False),
        (64, 64), "norm", 0, gap_linear=True,
    ),
    "vit with registers": _tokens(
        _vit("vit_small_patch14_reg4_dinov2", (56, 84)), (56, 84), "blocks.1.norm1", 5, patch=14
    ),
    "vit with a register, of the mean": _tokens(
        _vit("vit_little_patch16_reg1_gap_256"), (64, 64), "blocks", 1
    ),
    "torchvision swin": Known(
        _torchvision_swin, (64, 96), "norm", "channels_last", (4, 6), 0,
        ("features.0.2", "channels_last", 4), True,
    ),
    "timm swin": Known(
        _timm_swin, (64, 96), "norm", "channels_last", (4, 6), 0,
        ("patch_embed", "channels_last", 4), True,
    ),
    "torchvision convnext": Known(
        _torchvision_convnext, (64, 96), "features", "channels_first", (4, 6), 0,
        ("features.1.0.block.2", "channels_last", 4), False,
    ),
    "timm convnext": Known(
        _timm_convnext, (64, 96), "stages", "channels_first", (2, 3), 0,
        ("stages.0", "channels_first", 4), False,
    ),
}  # fmt: skip


def build_known(name: str) -> tuple[nn.Module, Known]:
    """The network with random weights in its heads and norms, too; in eval mode."""
    known = NETWORKS[name]
    torch.manual_seed(sum(map(ord, name)))
    model = known.make()
    for module in model.modules():
        if isinstance(module, nn.Linear) and module.out_features == CLASSES:
            nn.init.normal_(module.weight, std=0.3)
            nn.init.normal_(module.bias, std=0.1)
        elif isinstance(module, nn.LayerNorm):
            nn.init.uniform_(module.weight, 0.6, 1.6)
            nn.init.uniform_(module.bias, -0.3, 0.3)
    return model.eval(), known


def pictures(size: tuple[int, int], count: int = 2, seed: int = 1) -> Tensor:
    """Images (count, 3, *size), float32, with structure at two scales."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn((count, 3, 4, 4), generator=generator)
    fine = torch.randn((count, 3, *size), generator=generator)
    return nn.functional.interpolate(coarse, size=size, mode="bilinear") + 0.3 * fine


def output_of(model: nn.Module, layer: str, images: Tensor) -> Tensor:
    """What a layer puts out, in the model's own layout."""
    outputs: list[Tensor] = []
    handle = model.get_submodule(layer).register_forward_hook(
        lambda _module, _inputs, output: outputs.append(output)
    )
    with torch.no_grad():
        model(images)
    handle.remove()
    (output,) = outputs
    return output
