"""Fingerprints against a slow transform, groups against all pairs, and both on photographs."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dctn

from tasks.images.decoding import decode_image
from tasks.images.perceptual_hash import Fingerprint, fingerprint
from tasks.images.preprocessing import Preprocessing
from tasks.mining import near_duplicates as duplicates
from tasks.mining.near_duplicates import near_duplicates

PHOTOGRAPHS = Path(__file__).parents[3] / "shared" / "data"
# Smooth pictures have nothing in the last row and column of the 8 x 8 lowest frequencies.
WITHOUT_HIGH_FREQUENCIES = np.uint64(0xFEFEFEFEFEFEFE00)
PREPROCESSING = Preprocessing(256, 224, (0.0,) * 3, (1.0,) * 3)


def slow_representatives(hashes: np.ndarray, colours: np.ndarray) -> list[int]:
    """One image after the other behind the first before it that is alike and stands for itself."""
    stands: list[int] = []
    for j in range(len(hashes)):
        stands.append(j)
        for i in range(j):
            bits = bin(int(hashes[i]) ^ int(hashes[j])).count("1")
            levels = max(abs(int(a) - int(b)) for a, b in zip(colours[i], colours[j], strict=True))
            flat = hashes[i] == 0 or hashes[j] == 0
            same = bits == levels == 0
            if stands[i] == i and (same or (not flat and bits <= 4 and levels <= 6)):
                stands[j] = i
                break
    return stands


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.integers(0, 8))
def test_groups_are_those_of_all_pairs(seed, count, bits):
    hashes, colours = chains(seed, count, bits)
    assert near_duplicates(hashes, colours).tolist() == slow_representatives(hashes, colours)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.integers(0, 8), st.integers(0, 400))
def test_groups_are_the_same_where_not_all_pairs_are_held_at_once(seed, count, bits, pairs):
    hashes, colours = chains(seed, count, bits)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "MOST_PAIRS", pairs)
        found = near_duplicates(hashes, colours).tolist()
    assert found == slow_representatives(hashes, colours)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.integers(0, 8), st.integers(0, 400))
def test_groups_of_smooth_pictures_are_those_of_all_pairs(seed, count, bits, pairs):
    hashes, colours = chains(seed, count, bits)
    hashes &= WITHOUT_HIGH_FREQUENCIES
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "MOST_PAIRS", pairs)
        found = near_duplicates(hashes, colours).tolist()
    assert found == slow_representatives(hashes, colours)


def test_smooth_pictures_are_not_held_against_a_share_of_all(monkeypatch):
    """Two of six bands of 49 bits say little: they left one pair of 220, however many images."""
    hashes = np.random.default_rng(0).integers(0, 2**63, 30_000, dtype=np.uint64)
    compared = []
    whole = duplicates._are_alike

    def counted(hashes, colours, i, j):
        compared.append(len(i))
        return whole(hashes, colours, i, j)

    monkeypatch.setattr(duplicates, "_are_alike", counted)
    monkeypatch.setattr(duplicates, "MOST_PAIRS", 2**14)
    near_duplicates(hashes & WITHOUT_HIGH_FREQUENCIES, np.zeros((30_000, 3), np.uint8))
    assert sum(compared) < 30_000


def chains(seed: int, count: int, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Hashes and colours of images, each some bits and levels from an earlier one."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**63, count, dtype=np.uint64)
    colours = rng.integers(0, 256, (count, 3)).astype(np.uint8)
    for i in range(1, count):
        if rng.random() < 0.8:
            near = rng.integers(0, i)
            flipped = rng.choice(64, rng.integers(0, bits + 1), replace=False)
            hashes[i] = hashes[near] ^ np.uint64(sum(1 << int(bit) for bit in flipped))
            moved = colours[near].astype(int) + rng.integers(-4, 5, 3)
            colours[i] = np.clip(moved, 0, 255)
        if rng.random() < 0.1:
            hashes[i] = 0
    return hashes, colours


def test_every_distance_of_bits_is_found_and_no_larger_one():
    rng = np.random.default_rng(0)
    for bits in range(8):
        for _ in range(50):
            own = int(rng.integers(1, 2**63))
            other = own ^ sum(1 << int(bit) for bit in rng.choice(64, bits, replace=False))
            hashes = np.array([own, other], dtype=np.uint64)
            found = near_duplicates(hashes, np.zeros((2, 3), dtype=np.uint8))
            assert found.tolist() == ([0, 0] if bits <= 4 else [0, 1])


def smooth(seed: int, side: int = 64) -> torch.Tensor:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()


@pytest.mark.parametrize("seed", range(5))
def test_a_fingerprint_equals_a_slow_one(seed):
    pixels = smooth(seed)
    small = pixels.double().numpy().reshape(3, 32, 2, 32, 2).mean(axis=(2, 4))
    small = np.floor(small + 0.5)  # OpenCV rounds to whole levels
    grey = 0.299 * small[0] + 0.587 * small[1] + 0.114 * small[2]
    lowest = dctn(grey, norm="ortho")[1:9, 1:9].ravel()
    lowest[np.abs(lowest) < 2] = 0
    expected = 0
    for coefficient in lowest:
        expected = 2 * expected + int(coefficient > np.median(lowest))
    found = fingerprint(pixels)
    assert found.hash == expected and bin(expected).count("1") > 20
    np.testing.assert_allclose(found.colour, pixels.double().mean(dim=(1, 2)), atol=1)


def test_a_picture_without_structure_is_told_by_its_colour():
    flat = torch.tensor([10, 200, 30], dtype=torch.uint8)[:, None, None].expand(3, 40, 40)
    rounded = flat.clone()
    rounded[:, ::2, ::3] += 1
    assert fingerprint(flat.contiguous()) == Fingerprint(0, (10, 200, 30))
    assert fingerprint(rounded).hash == 0
    hashes, colours = np.zeros(3, dtype=np.uint64), np.array([[9] * 3, [10] * 3, [9] * 3])
    assert near_duplicates(hashes, colours.astype(np.uint8)).tolist() == [0, 1, 0]


def test_another_colour_is_another_picture():
    pixels = smooth(1)
    swapped = pixels[[2, 1, 0]] // 4 + torch.tensor([150, 0, 0])[:, None, None].to(torch.uint8)
    alike = pixels[[2, 1, 0]] // 4 + torch.tensor([0, 0, 150])[:, None, None].to(torch.uint8)
    prints = [fingerprint(p.contiguous()) for p in (swapped, alike)]
    assert (prints[0].hash ^ prints[1].hash).bit_count() <= 4
    colours = np.array([p.colour for p in prints], dtype=np.uint8)
    hashes = np.array([p.hash for p in prints], dtype=np.uint64)
    assert near_duplicates(hashes, colours).tolist() == [0, 1]


def view(content: bytes) -> Fingerprint:
    return fingerprint(PREPROCESSING.cut(decode_image(content))[0])


def groups(prints: list[Fingerprint]) -> list[int]:
    hashes = np.array([p.hash for p in prints], dtype=np.uint64)
    return near_duplicates(hashes, np.array([p.colour for p in prints], np.uint8)).tolist()


def copies(content: bytes) -> list[bytes]:
    """Recompressed, made smaller, larger, and both."""
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    double = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    jpeg = [cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, q])[1] for q in (90, 50)]
    small = cv2.imencode(".jpg", half, [cv2.IMWRITE_JPEG_QUALITY, 75])[1]
    return [c.tobytes() for c in (*jpeg, small, cv2.imencode(".png", double)[1])]


@pytest.mark.shared_data
@pytest.mark.skipif(not PHOTOGRAPHS.is_dir(), reason=f"the photographs are not at {PHOTOGRAPHS}")
def test_copies_of_photographs_are_one_and_different_photographs_are_not():
    files = sorted(PHOTOGRAPHS.glob("imagenette_val/**/*.jpg"))[::4]
    files += sorted(PHOTOGRAPHS.glob("davis/images/**/*.jpg"))
    assert len(files) > 200
    contents = [file.read_bytes() for file in files]
    prints = [view(content) for content in contents]
    assert groups(prints) == list(range(len(files)))
    some = range(0, len(files), 5)
    made = [(view(copy), i) for i in some for copy in copies(contents[i])]
    found = groups([*prints, *(p for p, _ in made)])[len(files) :]
    assert np.mean([at == i for at, (_, i) in zip(found, made, strict=True)]) >= 0.99
    assert all(at in (i, len(files) + n) or at >= len(files) for n, (at, (_, i)) in
               enumerate(zip(found, made, strict=True)))  # fmt: skip
