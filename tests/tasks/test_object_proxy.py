"""The object guessed from the label's map: against known scenes, and against plain restatements."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.torch import load_file
from torch import stack, tensor

from cam_kernels.explainer import Explainer
from cam_kernels.targets import ClassScore
from tasks.images.decoding import decode_image, decode_mask
from tasks.images.preprocessing import Preprocessing
from tasks.interventions.object_proxy import coarse_proxy, object_proxy
from tasks.sample.model import build
from tests.tasks import intervention_oracles as oracle

DATA = Path(__file__).resolve().parents[2] / "data"
MAPS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 7), st.integers(1, 7)),
    elements=st.floats(0, 100, width=32),
)


def scene(side: int, row: float, col: float, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """A speckled red disc on speckled green, and the disc."""
    y, x = np.mgrid[:side, :side] / side
    mask = np.hypot(y - row, x - col) <= radius
    colours = np.where(mask[..., None], (200, 60, 50), (60, 150, 70))
    speckles = np.random.default_rng(1).integers(-20, 21, (side, side, 3))
    return (colours + speckles).astype(np.uint8), mask


def blob(cells: int, row: float, col: float, spread: float) -> np.ndarray:
    y, x = (np.mgrid[:cells, :cells] + 0.5) / cells
    return np.exp(-((y - row) ** 2 + (x - col) ** 2) / (2 * spread**2)).astype(np.float32)


@pytest.mark.parametrize("side", [64, 96, 224])
@pytest.mark.parametrize("cells", [7, 12])
def test_colours_correct_a_displaced_map(side: int, cells: int) -> None:
    pixels, mask = scene(side, 0.5, 0.55, 0.22)
    label_map = blob(cells, 0.42, 0.5, 0.16)
    region = oracle.bilinear(label_map / label_map.max(), side, side) >= 0.2
    proxy = object_proxy(pixels, label_map)
    assert proxy is not None and proxy.shape == (side, side) and proxy.dtype == np.bool_
    assert oracle.iou(region, mask) < 0.65
    assert oracle.iou(proxy, mask) > 0.9


def test_an_object_at_the_frame() -> None:
    pixels, mask = scene(96, 0.95, 0.05, 0.3)
    proxy = object_proxy(pixels, blob(8, 0.9, 0.1, 0.2))
    assert proxy is not None and oracle.iou(proxy, mask) > 0.85


def no_cut(*_arguments: object) -> None:
    raise cv2.error("too few pixels")


@settings(max_examples=40, deadline=None)
@given(MAPS)
def test_without_a_cut_it_is_the_largest_region_above_a_fifth(label_map: np.ndarray) -> None:
    pixels = scene(40, 0.5, 0.5, 0.3)[0][:34]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cv2, "grabCut", no_cut)
        proxy = object_proxy(pixels, label_map)
    if not label_map.max() > 0:
        assert proxy is None
        return
    enlarged = oracle.bilinear(label_map / label_map.max(), 34, 40)
    share = enlarged / enlarged.max()
    labels, areas = oracle.component_areas(share >= 0.2)
    if proxy is None:
        assert (share >= 0.2 - 1e-5).all()
        return
    certain = np.abs(share - 0.2) > 1e-5
    if not certain.all():  # a pixel on the threshold may fall either way
        return
    chosen = set(labels[proxy])
    assert len(chosen) == 1 and 0 not in chosen
    assert proxy.sum() == max(areas) == areas[chosen.pop() - 1]


@pytest.mark.parametrize("answer", ["empty", "full", "speck"])
def test_a_cut_that_degenerates_is_not_used(monkeypatch, answer: str) -> None:
    def degenerate(_pixels: object, cut: np.ndarray, *_arguments: object) -> None:
        cut[:] = cv2.GC_FGD if answer == "full" else cv2.GC_BGD
        if answer == "speck":
            cut[20:23, 20:23] = cv2.GC_FGD

    pixels, label_map = scene(60, 0.5, 0.5, 0.2)[0], blob(6, 0.5, 0.5, 0.15)
    monkeypatch.setattr(cv2, "grabCut", degenerate)
    expected = oracle.bilinear(label_map, 60, 60)
    np.testing.assert_array_equal(object_proxy(pixels, label_map), expected / expected.max() >= 0.2)


def test_a_cut_that_opencv_refuses_is_not_used() -> None:
    label_map = np.array([[1, 1], [0.6, 0.6]], dtype=np.float32)
    label_map[1] = 0.15  # below the region, above "surely background"
    pixels = np.zeros((2, 2, 3), np.uint8)
    np.testing.assert_array_equal(object_proxy(pixels, label_map), [[True, True], [False, False]])


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf])
def test_a_map_that_tells_nothing(value: float) -> None:
    label_map = np.full((7, 7), -1.0 if np.isfinite(value) else 1.0)
    label_map[3, 3] = value
    pixels = scene(40, 0.5, 0.5, 0.2)[0]
    assert object_proxy(pixels, label_map) is None and coarse_proxy(label_map) is None


def test_an_even_map_tells_nothing() -> None:
    pixels = scene(40, 0.5, 0.5, 0.2)[0]
    assert object_proxy(pixels, np.full((7, 7), 3.0)) is None
    assert coarse_proxy(np.full((7, 7), 3.0)) is None


@pytest.mark.parametrize(
    ("dtype", "exponent"),
    [(np.float16, -12), (np.float16, 8), (np.float32, -60), (np.float32, 60), (np.float64, 900)],
)
def test_the_scale_of_the_map_does_not_matter(dtype: type, exponent: int) -> None:
    cells = np.round(blob(7, 0.5, 0.6, 0.2).astype(np.float64) * 256) / 256
    scaled = (cells * 2.0**exponent).astype(dtype)
    np.testing.assert_array_equal(scaled.astype(np.float64), cells * 2.0**exponent)
    pixels = scene(64, 0.5, 0.55, 0.22)[0]
    np.testing.assert_array_equal(object_proxy(pixels, scaled), object_proxy(pixels, cells))
    np.testing.assert_array_equal(coarse_proxy(scaled), coarse_proxy(cells))


def test_nothing_that_ran_before_matters() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    label_map = blob(7, 0.4, 0.5, 0.25)
    first = object_proxy(pixels, label_map)
    threads = cv2.getNumThreads()
    try:
        for seed, count in [(1, 1), (7, 2), (99, 4)]:
            cv2.setNumThreads(count)
            cv2.setRNGSeed(seed)
            object_proxy(*scene(50, 0.3, 0.3, 0.2)[:1], blob(5, 0.3, 0.3, 0.2))
            cv2.randu(np.empty((9, 9), np.uint8), 0, 255)
            np.testing.assert_array_equal(object_proxy(pixels, label_map), first)
    finally:
        cv2.setNumThreads(threads)


@settings(max_examples=60, deadline=None)
@given(MAPS, st.integers(1, 90), st.integers(1, 90))
def test_any_map_and_size_give_an_object_with_a_background(
    label_map: np.ndarray, height: int, width: int
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    proxy = object_proxy(pixels, label_map)
    assert proxy is None or (proxy.shape == (height, width) and proxy.any() and not proxy.all())


@settings(max_examples=60, deadline=None)
@given(MAPS)
def test_the_coarse_proxy_is_the_largest_group_of_cells(label_map: np.ndarray) -> None:
    coarse = coarse_proxy(label_map)
    strong = label_map.astype(float) >= 0.2 * float(label_map.max())
    if not label_map.max() > 0 or strong.all():
        assert coarse is None
        return
    assert coarse is not None and coarse.dtype == np.float32
    labels, areas = oracle.component_areas(strong)
    np.testing.assert_array_equal(coarse, labels == labels[coarse > 0].max())
    assert coarse.sum() == max(areas)


def test_on_the_sample_the_cut_is_nearer_to_the_masks_than_the_map() -> None:
    rows = pd.read_csv(DATA / "manifest.csv").iloc[::24]
    sample = Preprocessing(96, 96, (0.5, 0.5, 0.43), (0.23, 0.19, 0.28))
    views = stack([sample.cut(decode_image((DATA / uri).read_bytes()))[0] for uri in rows["uri"]])
    model = build(6)
    model.load_state_dict(load_file(DATA / "model.safetensors"))
    images = sample.normalise(views)
    labels = ClassScore(tensor(rows["label"].to_numpy()), "logit")
    maps = Explainer(model, "stage3", images).forward(images).map("gradcam++", labels).numpy()
    before, after = [], []
    for view, label_map, uri in zip(views, maps, rows["mask_uri"], strict=True):
        mask = decode_mask((DATA / uri).read_bytes())
        proxy = object_proxy(view.permute(1, 2, 0).numpy(), label_map)
        assert proxy is not None
        enlarged = oracle.bilinear(label_map, *mask.shape)
        before.append(oracle.iou(enlarged >= 0.2 * enlarged.max(), mask))
        after.append(oracle.iou(proxy, mask))
    assert np.mean(after) > 0.55 and np.mean(after) > np.mean(before) + 0.1


@pytest.mark.parametrize(
    "label_map",
    [np.ones((7, 7), int), np.ones(7), np.ones((0, 7)), np.ones((1, 7, 7))],
)
def test_bad_maps_are_refused(label_map: np.ndarray) -> None:
    pixels = scene(16, 0.5, 0.5, 0.2)[0]
    with pytest.raises(ValueError, match=r"label map: expected floats of shape \(rows, cols\)"):
        object_proxy(pixels, label_map)
    with pytest.raises(ValueError, match="label map"):
        coarse_proxy(label_map)


@pytest.mark.parametrize("pixels", [np.zeros((3, 9, 9), np.uint8), np.zeros((9, 9, 3))])
def test_bad_pixels_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="pixels: expected uint8"):
        object_proxy(pixels, blob(7, 0.5, 0.5, 0.2))
