"""The part of the view where a class's map is high, and regions of the same size from others."""

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Region = npt.NDArray[np.bool_]
Ranks = npt.NDArray[np.int32]


def enlarged(raw: Floats, side: int) -> npt.NDArray[np.float32]:
    """A map enlarged bilinearly to the model's view, its largest cell 1.

    raw : shape (rows, cols), finite and somewhere positive
    """
    values = np.asarray(raw, dtype=np.float64)
    # Scaled first: the ratios of tiny float32 values would be lost.
    scaled = (values / values.max()).astype(np.float32)
    return np.asarray(cv2.resize(scaled, (side, side), interpolation=cv2.INTER_LINEAR))


def high_region(view: npt.NDArray[np.float32], share: float) -> Region:
    """All pixels at or above a share of the map's maximum (20 % in arXiv:1512.04150, section 3.2;
    there the largest connected part makes a box, here all parts count: a scene has more than one
    object)."""
    return view >= share * view.max()


def ranks(view: npt.NDArray[np.float32], generator: np.random.Generator) -> Ranks:
    """How many pixels are higher than each; equal ones in random order, for reading order would
    put the plain part of a map at the top of the picture.

    The pixels of rank below n are the map's region of n pixels.
    """
    order = np.lexsort((generator.random(view.size), -view.reshape(-1)))
    placed = np.empty(view.size, dtype=np.int32)
    placed[order] = np.arange(view.size, dtype=np.int32)
    return placed


def covered(region: Region, inside: Region) -> float:
    """Share of the object's pixels that the region covers.

    inside : bool, somewhere True
    """
    return float(region[inside].mean())


def chance_to_cover(lent: Ranks, area: int, inside: Region, least: float) -> float:
    """Share of the lent maps whose region of `area` pixels covers at least `least` of the object.

    lent : shape (L, side * side), of L maps
    """
    shares = (lent[:, inside.reshape(-1)] < area).mean(axis=1)
    return float((shares >= least).mean())
