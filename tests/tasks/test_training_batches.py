"""The order of images, their views and their weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.utils.class_weight import compute_class_weight
from torch.utils.data import DataLoader

from tasks.images.decoding import decode_image
from tasks.images.preprocessing import Preprocessing
from tasks.training.augmentation import Augmentation
from tasks.training.batches import (
    InOrder,
    PictureBatches,
    Shuffled,
    class_weights,
    load_batches,
)
from tasks.training.pictures import Pictures
from tests.tasks.training_sets import draw

VIEW = Preprocessing(20, 16, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2), "bicubic")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pictures")
    found = [folder / f"{i}.png" for i in range(7)]
    for i, file in enumerate(found):
        draw(file, i % 3, i, size=(25 + 3 * i, 40 - 2 * i))
    return found


@pytest.fixture
def pictures(files: list[Path]) -> Pictures:
    return Pictures([str(file) for file in files], VIEW)


@pytest.mark.parametrize(("rows", "batch", "steps"), [(10, 4, 3), (9, 4, 3), (5, 2, 2), (3, 1, 3)])
def test_each_epoch_takes_every_row_once_in_even_batches(rows: int, batch: int, steps: int) -> None:
    order = Shuffled(np.arange(100, 100 + rows), batch, seed=3)
    batches = [chosen for _, chosen in order]
    assert len(order) == len(batches) == steps
    assert sorted(row for chosen in batches for row in chosen) == list(range(100, 100 + rows))
    sizes = [len(chosen) for chosen in batches]
    assert max(sizes) - min(sizes) <= 1 and (batch == 1 or min(sizes) >= 2)


def test_the_order_is_that_of_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        sampler = Shuffled(np.arange(50), 8, seed)
        sampler.epoch = epoch
        return [row for _, rows in sampler for row in rows]

    assert order(0, 1) == order(0, 1)
    assert len({tuple(order(seed, epoch)) for seed in range(3) for epoch in range(1, 4)}) == 9


def test_a_view_that_measures_is_that_of_an_audit(pictures: Pictures, files: list[Path]) -> None:
    assert pictures.read_all(2, lambda _: None) == []
    again = Pictures([str(file) for file in files], VIEW)  # nothing in memory
    for row, file in enumerate(files):
        expected, _ = VIEW.cut(decode_image(file.read_bytes()))
        assert torch.equal(pictures.cut(row), expected)
        assert torch.equal(again.cut(row), expected)
    assert torch.equal(pictures.of([5, 2]).cut(1), pictures.cut(2))


def test_what_is_drawn_depends_on_epoch_image_and_seed_alone(pictures: Pictures) -> None:
    augmentation, labels = Augmentation(VIEW, 5), torch.arange(7)
    dataset = PictureBatches(pictures, labels, torch.ones(7), augmentation)
    state = torch.get_rng_state()
    one = dataset[(2, [3, 1, 4])]
    assert torch.equal(torch.get_rng_state(), state)
    other = dataset[(2, [4, 0, 3])]
    assert torch.equal(one.inputs[0], other.inputs[2])
    assert torch.equal(one.inputs[2], other.inputs[0])
    assert one.labels.tolist() == [3, 1, 4]
    assert not torch.equal(one.inputs, dataset[(3, [3, 1, 4])].inputs)
    reseeded = PictureBatches(pictures, labels, torch.ones(7), Augmentation(VIEW, 6))
    assert not torch.equal(one.inputs, reseeded[(2, [3, 1, 4])].inputs)


def test_processes_that_read_change_nothing(pictures: Pictures) -> None:
    dataset = PictureBatches(pictures, torch.arange(7), torch.rand(7), Augmentation(VIEW, 0))

    def read(workers: int) -> list[torch.Tensor]:
        loader: DataLoader = load_batches(dataset, Shuffled(np.arange(7), 3, 1), CPU, workers)
        return [each for batch in loader for each in (batch.inputs, batch.labels, batch.weights)]

    for first, second in zip(read(0), read(1), strict=True):
        assert torch.equal(first, second)


def test_augmented_views_are_crops_flips_and_mild_colours(tmp_path: Path) -> None:
    """On a picture of two halves, red left and blue right, what was done can be read off."""
    halves = np.zeros((20, 40, 3), np.uint8)
    halves[:, :20, 0], halves[:, 20:, 2] = 200, 200
    Image.fromarray(halves).save(tmp_path / "halves.png")
    pictures = Pictures([str(tmp_path / "halves.png")], VIEW)
    draw_view = Augmentation(VIEW, 0)
    views = torch.stack([draw_view(pictures.resized(0), epoch, 0) for epoch in range(200)]).float()
    assert views.shape[1:] == (3, 16, 16)
    red_left = (views[:, 0, :, :4].mean((1, 2)) > views[:, 0, :, -4:].mean((1, 2))).float().mean()
    assert 0.35 < red_left < 0.65
    brightest = views.amax((1, 2, 3))
    assert 120 < brightest.min() < 190 and 210 < brightest.max() <= 255


def test_validation_goes_in_order() -> None:
    assert [rows for _, rows in InOrder(np.array([4, 2, 9, 1]), 3)] == [[4, 2, 9], [1]]


def test_class_weights_are_those_of_scikit_learn() -> None:
    labels = np.array([0] * 7 + [1] * 2 + [2] * 4)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert class_weights(labels, 3) == pytest.approx(expected, rel=1e-6)


def test_unreadable_pictures_are_told_with_their_reason(files: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(files[0].read_bytes()[:60])
    pictures = Pictures([str(files[0]), str(broken), str(tmp_path / "absent.png")], VIEW)
    told: list[int] = []
    failed = pictures.read_all(2, told.append)
    assert [each.row for each in failed] == [1, 2]
    assert "truncated PNG" in failed[0].error and failed[0].uri == str(broken)
    assert failed[1].error.startswith("read: FileNotFoundError")
    assert sum(told) == 3
