"""One manifest row to one input: odd files that are whole, and masks of other kinds."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from tasks.images.inputs import InputReader, read_batches
from tasks.images.preprocessing import Preprocessing
from tests.tasks.tiny_audit import configure, draw, draw_folders, run_audit, table, write_model

READER = InputReader(Preprocessing(32, 32, (0.5,) * 3, (0.5,) * 3), 3)


def row(uri: object, mask: object = None, image_id: int = 0) -> dict[str, object]:
    mask_uri = None if mask is None else str(mask)
    return {"image_id": image_id, "uri": str(uri), "label": 0, "mask_uri": mask_uri, "boxes": None}


@pytest.mark.parametrize(
    ("kind", "tail"),
    [("JPEG", b"mp4 \xff\xda of a moving photograph"), ("PNG", bytes(200))],
)
def test_bytes_behind_the_end_of_a_whole_image_are_no_truncation(tmp_path, kind, tail):
    stream = io.BytesIO()
    Image.open(draw(tmp_path / "a.png")).save(stream, kind)
    (tmp_path / "b.jpg").write_bytes(stream.getvalue() + tail)
    assert READER.read(row(tmp_path / "b.jpg")).failure is None


def left_half(tmp_path, values: tuple[int, int], palette: list[int] | None = None):
    mask = np.full((36, 36), values[0], dtype=np.uint8)
    mask[:, :18] = values[1]
    image = Image.fromarray(mask)
    if palette is not None:
        image.putpalette(palette + [0] * (768 - len(palette)))
    image.save(tmp_path / "mask.png")
    return tmp_path / "mask.png"


@pytest.mark.parametrize(
    ("values", "palette"),
    [
        ((0, 255), None), ((0, 1), None),
        # and the image counts as one without object, without a word.
        ((0, 2), None), ((0, 15), None), ((0, 1), [0, 0, 0, 128, 0, 0]),
    ],
)  # fmt: skip
def test_the_object_of_a_mask(tmp_path, values, palette):
    picture = draw(tmp_path / "a.png", size=(36, 36))
    result = READER.read(row(picture, left_half(tmp_path, values, palette)))
    assert result.failure is not None or result.image.object_mask.mean() == 0.5


def test_batches_come_in_order_and_whole(tmp_path):
    files = [draw(tmp_path / f"{i}.png", seed=i) for i in range(7)]
    (tmp_path / "3.png").write_bytes(b"")
    rows = [row(file, image_id=i) for i, file in enumerate(files)]
    batches = list(read_batches(READER, rows, 3, threads=2))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    flat = [result for batch in batches for result in batch]
    ids = [r.image.image_id if r.image else r.failure.image_id for r in flat]
    assert ids == list(range(7)) and [r.image is None for r in flat] == [i == 3 for i in ids]
    assert list(read_batches(READER, [], 3, threads=2)) == []


RAISES = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3, stride=2), nn.Linear(4, 3)
        self.preprocessing = {"resize": 32, "crop": 32, "mean": (0.5,) * 3, "std": (0.5,) * 3}
    def forward(self, x):
        if (x.mean(dim=(1, 2, 3)) > 0.9).any():
            raise ValueError("too bright")
        return self.fc(self.conv(x).mean(dim=(2, 3)))
def build():
    torch.manual_seed(0)
    return Net()
"""


def test_an_image_that_the_model_refuses_is_one_failure(tmp_path):
    pics = draw_folders(tmp_path / "pics", 2)
    Image.new("RGB", (40, 40), "white").save(pics / "bee" / "bright.png")
    model = write_model(tmp_path / "other", RAISES)
    run = run_audit(configure(tmp_path, pics, model=model))
    failures = table(run, "failures")
    assert [os.path.basename(uri) for uri in failures["uri"]] == ["bright.png"]
    assert failures["stage"][0] == "model" and "too bright" in failures["error"][0]
    assert len(table(run, "predictions")) == 6
