"""The layers that `camaudit layers` lists, and an audit of a transformer."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cam_kernels.layers.grid_layout import GridLayout
from tasks.errors import AuditError
from tasks.index.plan import plan_audit
from tasks.model.loading import load_model
from tasks.model.probe import list_layers
from tests.tasks.tiny_audit import (
    CLASSES,
    configure,
    draw,
    draw_folders,
    run_audit,
    table,
    write_model,
)

VIT = """
import torch
from torchvision.models import VisionTransformer

def build():
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = VisionTransformer(
            image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=12, mlp_dim=16,
            num_classes=3,
        )
        torch.nn.init.normal_(model.heads.head.weight)
    model.preprocessing = {"resize": 32, "crop": 32, "mean": (0.5, 0.4, 0.3), "std": (0.2,) * 3}
    return model
"""
LAST = "encoder.layers.encoder_layer_1.ln_1"


@pytest.mark.parametrize(
    ("model", "crop", "default", "layout"),
    [
        ("torchvision:vit_b_32", None, "encoder.layers.encoder_layer_11.ln_1",
         GridLayout("tokens", 7, 7, 768, prefix=1)),
        ("timm:vit_tiny_patch16_224", None, "blocks.11.norm1",
         GridLayout("tokens", 14, 14, 192, prefix=1)),
        ("timm:deit_tiny_distilled_patch16_224", None, "blocks.11.norm1",
         GridLayout("tokens", 14, 14, 192, prefix=2)),
        ("torchvision:swin_t", 64, "norm", GridLayout("channels_last", 2, 2, 768)),
        ("torchvision:convnext_tiny", 64, "features", GridLayout("channels_first", 2, 2, 768)),
        ("timm:convnext_atto", 96, "stages", GridLayout("channels_first", 3, 3, 320)),
    ],
)  # fmt: skip
def test_the_default_of_published_models(model, crop, default, layout):
    layers, found = list_layers(model, crop)
    assert found == default
    assert [layer.layout for layer in layers if layer.name == default] == [layout]


def test_an_audit_of_a_vision_transformer(tmp_path):
    files = {
        i: draw(tmp_path / "pics" / CLASSES[i % 3] / f"{i}.png", i, (32, 32)) for i in range(9)
    }
    model = write_model(tmp_path / "vit", VIT)
    run = run_audit(configure(tmp_path, tmp_path / "pics", model=model))
    assert len(table(run, "failures")) == 0
    units = table(run, "units")
    assert set(units["target_layer"]) == {LAST}
    boxes = units[["rf_top", "rf_left", "rf_bottom", "rf_right"]].to_numpy()
    assert np.unique(boxes, axis=0).tolist() == [[0, 0, 32, 32]], "attention sees all"
    names = table(run, "manifest").set_index("image_id")["uri"].map(lambda uri: Path(uri).stem)
    grids = patch_tokens(load_model(model, None).module, list(files.values()))
    image = units["image_id"].map(names).astype(int)
    expected = grids[image, units["unit"], units["row"], units["col"]]
    np.testing.assert_allclose(units["activation"], expected, rtol=1e-4, atol=1e-5)
    strongest = np.sort(grids.max(axis=(2, 3)), axis=0)[::-1][:3]
    of_all = units[units["class_idx"] == -1].sort_values(["rank", "unit"])
    listed = of_all["activation"].to_numpy().reshape(3, 12)
    np.testing.assert_allclose(listed, strongest, rtol=1e-4, atol=1e-5)


def patch_tokens(module, files):
    """Patch tokens of the layer, (images, 12, 4, 4), of pictures that need no resizing."""
    pixels = np.stack([np.asarray(Image.open(file)) for file in files]) / 255
    pixels = torch.from_numpy((pixels - [0.5, 0.4, 0.3]) / 0.2).permute(0, 3, 1, 2).float()
    kept = []
    hook = module.get_submodule(LAST).register_forward_hook(lambda _m, _i, out: kept.append(out))
    with torch.no_grad():
        module(pixels)
    hook.remove()
    return kept[0][:, 1:].reshape(-1, 4, 4, 12).permute(0, 3, 1, 2).numpy()


def test_a_layer_that_puts_out_a_tuple_is_refused_before_any_work(tmp_path):
    config = configure(
        tmp_path,
        draw_folders(tmp_path / "pics", 1),
        model=write_model(tmp_path / "vit", VIT),
        target_layer="encoder.layers.encoder_layer_1.self_attention",
    )
    with pytest.raises(AuditError, match=r"self_attention'.*no grid.*camaudit layers"):
        plan_audit(config)
