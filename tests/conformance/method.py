"""A row of the conformance table, and how far two sets of raw maps are apart."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from tests.conformance.cases import USUAL, Case, case
from tests.conformance.peers import RawMaps
from tests.reference import Floats


@dataclass(frozen=True)
class Method:
    """Our maps, the restated ones, and those of each peer.

    name : a key of our METHODS; ours are the maps of an Explainer, with all that makes it fast
    restated : float64 maps from a case, by `tests.reference` or `tests.cam_kernels.restatements`
    signed : compare values below 0, too; otherwise both sides pass a ReLU first
    """

    name: str
    restated: Callable[[Case], Floats]
    peers: dict[str, RawMaps] = field(default_factory=dict)
    architectures: tuple[str, ...] = USUAL
    signed: bool = False


@dataclass(frozen=True)
class Difference:
    """The largest difference from `other` on one architecture, relative to its largest value.

    size : between raw maps
    shape : after each map is divided by its own largest absolute value: what a picture shows
    """

    method: str
    architecture: str
    other: str
    size: float
    shape: float


RESTATED = "restatement"


def differences(method: Method, architecture: str) -> Iterator[Difference]:
    """From the restatement first, then from each peer."""
    here = case(architecture)
    ours = _shown(method, here.maps(method.name).double().numpy())
    others = {RESTATED: method.restated(here)} | {
        name: maps(here.model, here.layer, here.images, here.class_idx)
        for name, maps in method.peers.items()
    }
    for name, maps in others.items():
        theirs = _shown(method, maps)
        size = relative_difference(ours, theirs)
        shape = relative_difference(_own_scale(ours), _own_scale(theirs))
        yield Difference(method.name, architecture, name, size, shape)


def relative_difference(ours: Floats, theirs: Floats) -> float:
    """Largest absolute difference over the largest absolute value of `theirs`."""
    if ours.shape != theirs.shape:
        raise ValueError(f"maps of shape {ours.shape} against {theirs.shape}; expected the same")
    largest = float(np.abs(theirs).max())
    if largest == 0:
        raise ValueError("the maps to compare with are empty; agreeing with them proves nothing")
    return float(np.abs(ours - theirs).max()) / largest


def _shown(method: Method, maps: Floats) -> Floats:
    return maps if method.signed else np.maximum(maps, 0)


def _own_scale(maps: Floats) -> Floats:
    largest = np.abs(maps).max(axis=(1, 2), keepdims=True)
    return maps / np.where(largest == 0, 1, largest)
