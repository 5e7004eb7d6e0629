"""The truth about the sample's mistakes, found by rendering them again.

A mistake is driven by the background when the model names the class whose planted background
the image shows, and names the right class for most renders of the very same object on
backgrounds that are planted for no class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from torch import nn

from tasks.sample.plan import NEUTRAL_BACKGROUNDS, PLANTED, TRUTH_SEED, Placement, render
from tasks.sample.training import predict_logits
from tasks.scenes import OBJECT_NAMES

JPEG_QUALITY = 92
RENDERS_PER_BACKGROUND = 3


def encode_jpeg(image: np.ndarray) -> bytes:
    """Encode an image (S, S, 3), uint8 RGB, as the sample stores it."""
    parameters = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return cv2.imencode(".jpg", image[..., ::-1], parameters)[1].tobytes()


def decode_jpeg(encoded: bytes) -> np.ndarray:
    """Decode to (S, S, 3), uint8 RGB."""
    pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError(f"{len(encoded)} bytes are no image that OpenCV can decode")
    return np.ascontiguousarray(pixels[..., ::-1])


def neutral_renders(placement: Placement) -> np.ndarray:
    """Render the same object on every neutral background, several times each.

    Returns uint8 RGB (9, S, S, 3), each through the JPEG encoding of the stored images, so that
    nothing but the background differs.
    """
    places = [
        replace(placement, background_name=name, background_seed=TRUTH_SEED + draw)
        for name in NEUTRAL_BACKGROUNDS
        for draw in range(RENDERS_PER_BACKGROUND)
    ]
    return np.stack([decode_jpeg(encode_jpeg(render(place).image)) for place in places])


def is_background_driven(model: nn.Module, placement: Placement, predicted: int) -> bool:
    """Whether the background drove this mistake; see the head of this file for what that means.

    Raises ValueError where the prediction is right, since there is no mistake to explain.
    """
    if predicted == placement.label:
        raise ValueError(f"{placement} was predicted correctly; only a mistake has a cause")
    if PLANTED.get(OBJECT_NAMES[predicted]) != placement.background_name:
        return False
    elsewhere = predict_logits(model, neutral_renders(placement)).argmax(axis=1)
    return bool(np.mean(elsewhere == placement.label) > 0.5)


def find_causes(
    model: nn.Module, placements: Sequence[Placement], predicted: np.ndarray
) -> list[bool | None]:
    """Tell for every placement whether the background drove its mistake; None where it is right."""
    return [
        None if guess == placement.label else is_background_driven(model, placement, int(guess))
        for placement, guess in zip(placements, predicted, strict=True)
    ]
