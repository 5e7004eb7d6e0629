"""Models that give no logits, or state what cannot be."""

import pytest
import torch

from tasks.errors import AuditError
from tasks.index.plan import plan_audit
from tests.tasks.tiny_audit import configure, draw_folders, write_model

NET = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3, stride=2), nn.Linear(4, 3)
        self.preprocessing = {"resize": 32, "crop": 32, "mean": (0.5,) * 3, "std": (0.5,) * 3}
    def forward(self, x):
        y = self.fc(self.conv(x).mean(dim=(2, 3)))
        return RESULT
build = Net
"""


@pytest.mark.parametrize(
    ("result", "says"),
    [
        ("y[:, :1]", "at least two classes"),
        ("y[:, :, None, None, None]", r"\(2, 3, 1, 1, 1\)"),
        ("y[0]", r"\(3,\)"),
        ("{'logits': y}", "returns dict"),
        ("(y, y)", "returns tuple"),
        ("y.reshape(7, 7)", "fails on an input of 3 x 32 x 32"),
        ("y.cuda()", "fails on an input"),
    ],
)
def test_a_model_without_logits_is_one_error(tmp_path, result, says):
    model = write_model(tmp_path / "other", NET.replace("RESULT", result))
    config = configure(tmp_path, draw_folders(tmp_path / "pics", 1))
    if "cuda" in result and torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(AuditError, match=says):
        plan_audit(config.model_copy(update={"model": model}))


@pytest.mark.parametrize(
    "stated",
    ['"mean": 0.5', '"mean": (0.5, 0.5)', '"std": (0, 0, 0)', '"crop": "32"', '"crop": 0',
     '"interpolation": "nearest-ish"'],
)  # fmt: skip
def test_preprocessing_of_a_model_is_checked_before_any_work(tmp_path, stated):
    source = NET.replace("RESULT", "y").replace(
        '"std": (0.5,) * 3}', f'"std": (0.5,) * 3, {stated}}}'
    )
    model = write_model(tmp_path / "other", source)
    config = configure(tmp_path, draw_folders(tmp_path / "pics", 1))
    with pytest.raises(AuditError, match=r"mean|std|crop|interpolation"):
        plan_audit(config.model_copy(update={"model": model}))


@pytest.mark.parametrize(
    ("layer", "crop", "says"),
    [
        ("conv", 4, "single cell for an input of 4 x 4 pixels.*no grid.*larger --crop"),
        ("fc", 32, r"puts out a tensor of shape \(2, 3\), which is no grid"),
        ("unused", 32, "does not run"),
        ("cnov", 32, "unknown; closest: 'conv'"),
    ],
)
def test_a_layer_that_cannot_be_explained(tmp_path, layer, crop, says):
    source = NET.replace("RESULT", "y").replace(
        "        self.prep", "        self.unused = nn.ReLU()\n        self.prep"
    )
    model = write_model(tmp_path / "other", source)
    config = configure(
        tmp_path, draw_folders(tmp_path / "pics", 1), model=model, target_layer=layer,
        resize=32, crop=crop,
    )  # fmt: skip
    with pytest.raises(AuditError, match=says):
        plan_audit(config)
