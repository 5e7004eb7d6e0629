"""Labels, masks and logits that cannot hold, in a dataset of good images."""

import os

import numpy as np
import pytest
from PIL import Image

from tests.tasks.tiny_audit import configure, draw, draw_folders, run_audit, table, write_model


def test_labels_masks_and_boxes_that_cannot_hold(tmp_path):
    for i in range(8):
        draw(tmp_path / f"{i}.png", seed=i)
    mask = np.zeros((36, 40), dtype=np.uint8)
    mask[:, :20] = 255
    Image.fromarray(mask).save(tmp_path / "half.png")
    Image.fromarray(mask[::2, ::2]).save(tmp_path / "small.png")
    Image.fromarray(mask[:, :10]).save(tmp_path / "narrow.png")
    (tmp_path / "text.png").write_text("x")
    (tmp_path / "m.csv").write_text(
        "uri,label,mask_uri,boxes\n0.png,0,half.png,\n1.png,1,small.png,\n2.png,2,narrow.png,\n"
        '3.png,0,absent.png,\n4.png,1,text.png,\n5.png,3,half.png,\n6.png,2,half.png,"[[0,0,1,1]]"\n'
        '7.png,,half.png,"[[30,20,10,5],[5,5,5,5],[-9,-9,999,2]]"\n'
    )
    run = run_audit(configure(tmp_path, tmp_path / "m.csv"))
    failures = table(run, "failures")
    found = list(zip(failures["image_id"], failures["stage"], strict=True))
    assert found == [(2, "mask"), (3, "mask"), (4, "mask"), (5, "label")]
    assert sorted(table(run, "predictions")["image_id"]) == [0, 1, 2, 3, 4, 6, 7]
    maps = table(run, "heatmaps").query("role == 'predicted'").set_index("image_id")
    assert maps["object_area"][[2, 3, 4]].isna().all()
    # The crop shows the middle 36 of 40 columns: 18 of them on the object, to half a pixel.
    np.testing.assert_allclose(maps["object_area"][[0, 1, 6, 7]], 0.5, atol=0.04)


NET_NAN = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3, stride=2, bias=False), nn.Linear(4, 3)
        self.preprocessing = {"resize": 32, "crop": 32, "mean": (0.5,) * 3, "std": (0.5,) * 3}
    def forward(self, x):
        dark = (x.mean(dim=(1, 2, 3)) < -0.9)[:, None]
        return torch.where(dark, VALUE, self.fc(self.conv(x).mean(dim=(2, 3))))
def build():
    torch.manual_seed(0)
    return Net()
"""


@pytest.mark.parametrize("value", ["float('nan')", "float('inf')"])
def test_logits_that_are_not_finite_are_rows_of_failures(tmp_path, value):
    draw_folders(tmp_path / "pics", 1)
    Image.new("RGB", (40, 40)).save(tmp_path / "pics" / "bee" / "dark.png")
    model = write_model(tmp_path / "other", NET_NAN.replace("VALUE", value))
    run = run_audit(configure(tmp_path, tmp_path / "pics", model=model))
    failures = table(run, "failures")
    assert [os.path.basename(uri) for uri in failures["uri"]] == ["dark.png"]
    assert failures["stage"].tolist() == ["model"] and "finite" in failures["error"][0]
    assert len(table(run, "predictions")) == 3


def test_a_model_that_always_returns_nan_finishes(tmp_path):
    source = NET_NAN.replace("-0.9", "99").replace("VALUE", "torch.nan")
    model = write_model(tmp_path / "other", source)
    run = run_audit(configure(tmp_path, draw_folders(tmp_path / "pics", 2), model=model))
    assert table(run, "failures")["stage"].tolist() == ["model"] * 6
