"""Smooth noise, and colours mixed by it: what the backgrounds are made of."""

from __future__ import annotations

import cv2
import numpy as np

Rgb = tuple[float, float, float]


def noise(rng: np.random.Generator, side: int, rows: int, columns: int) -> np.ndarray:
    """Smooth noise of about rows x columns bumps: (side, side), float32, in [0, 1]."""
    grid = rng.random((rows + 3, columns + 3), dtype=np.float32)
    # The outer knots are cut away: cubic resizing flattens them.
    fine = cv2.resize(
        grid,
        (side * (columns + 3) // columns, side * (rows + 3) // rows),
        interpolation=cv2.INTER_CUBIC,
    )
    top, left = (fine.shape[0] - side) // 2, (fine.shape[1] - side) // 2
    middle: np.ndarray = np.clip(fine[top : top + side, left : left + side], 0, 1)
    return middle


def layered_noise(rng: np.random.Generator, side: int, rows: int, columns: int) -> np.ndarray:
    """Three octaves of noise, each twice as fine and half as strong; in [0, 1]."""
    layers = [noise(rng, side, rows << octave, columns << octave) for octave in range(3)]
    blend: np.ndarray = (4 * layers[0] + 2 * layers[1] + layers[2]) / 7
    return blend


def between(low: Rgb, high: Rgb, share: np.ndarray) -> np.ndarray:
    """Mix two colours pixel by pixel: (side, side, 3), float32, in [0, 255]."""
    share = np.clip(share, 0, 1)[..., None].astype(np.float32)
    mixed: np.ndarray = np.asarray(low, np.float32) * (1 - share)
    mixed += np.asarray(high, np.float32) * share
    return mixed


def lay_over(image: np.ndarray, color: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Lay one colour over an image with a share in [0, 1] per pixel."""
    mixed: np.ndarray = image + (color - image) * np.clip(share, 0, 1)[..., None]
    return mixed
