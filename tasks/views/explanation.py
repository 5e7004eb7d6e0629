"""What `camaudit explain` found: arrays and facts, no pictures and no tensors."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tasks.images.decoding import Pixels

Values = npt.NDArray[np.float32]
State = Literal["ok", "empty", "not_finite"]


def state_of(values: Values) -> State:
    """Whether an array can be drawn as evidence: 'empty' holds nothing but zeros or, as a map
    of positive evidence, nothing above zero."""
    if not np.isfinite(values).all():
        return "not_finite"
    return "ok" if values.any() and (values.ndim > 2 or values.max() > 0) else "empty"


@dataclass(frozen=True)
class ClassFact:
    """probability : softmax over all classes, or the sigmoid of the logit where that is explained
    rank : 1 for the predicted class
    """

    class_idx: int
    name: str
    logit: float
    probability: float
    rank: int


@dataclass(frozen=True)
class Heatmap:
    """values : float32, shape (rows, cols), raw, on the layer's grid or at the image's size
    method : its key in METHODS; title : as in the literature
    """

    method: str
    title: str
    values: Values


@dataclass(frozen=True)
class PixelView:
    """values : float32, shape (3, crop, crop), any sign; per unit of the normalised input
    start : what the way back began from
    signed : whether the sign of a channel means something to the eye
    """

    title: str
    values: Values
    start: str
    signed: bool


@dataclass(frozen=True)
class Missing:
    """A view that could not be had, or that was left out for its price."""

    title: str
    reason: str


@dataclass(frozen=True)
class ClassViews:
    """All that was drawn of one class for one image."""

    of: ClassFact
    methods: tuple[Heatmap, ...]
    pixels: tuple[PixelView, ...]


@dataclass(frozen=True)
class UnitMaps:
    """Activations of the strongest units of a layer.

    maps : float32, shape (shown, rows, cols), the strongest first
    units : their numbers
    total : units of the layer
    """

    layer: str
    kind: str
    maps: Values
    units: tuple[int, ...]
    total: int


@dataclass(frozen=True)
class Concepts:
    """maps : float32, shape (concepts, rows, cols), amounts >= 0
    shares : of the sum of all amounts in this image
    restored : share of the activations' energy in this image that the concepts restore
    """

    maps: Values
    shares: tuple[float, ...]
    restored: float


@dataclass(frozen=True)
class RandomisedView:
    """layer : the last one of the cascade that has new weights; '' before any
    correlation : Spearman's rho with the view of the trained model, in [-1, 1]; NaN where
        either is constant or not finite, 1 for the view itself
    """

    layer: str
    values: Values
    correlation: float


@dataclass(frozen=True)
class SanityRow:
    """One view under the cascade; the first of `views` is that of the trained model.

    absolute : the correlation is that of absolute values
    """

    title: str
    views: tuple[RandomisedView, ...]
    absolute: bool


@dataclass(frozen=True)
class ExplainedImage:
    """name : of the file; uri : as given
    view : uint8 RGB, shape (crop, crop, 3): the very pixels that the model saw
    top : the most probable classes, then those asked for that are not among them
    top_maps : of each of `top`, by the first method
    classes : the predicted class, then those asked for
    """

    name: str
    uri: str
    view: Pixels
    top: tuple[ClassFact, ...]
    top_maps: tuple[Heatmap, ...]
    classes: tuple[ClassViews, ...]
    concepts: Concepts | None
    sanity: tuple[SanityRow, ...]
    features: tuple[UnitMaps, ...]


@dataclass(frozen=True)
class Kernels:
    """Weights of one convolution, strongest units and channels (by their root of squares) first.

    weights : float32, shape (units, channels, height, width), trained, before any folding
    units, channels : their numbers in the layer
    total : units of the layer
    """

    layer: str
    weights: Values
    units: tuple[int, ...]
    channels: tuple[int, ...]
    total: int


@dataclass(frozen=True)
class Explanation:
    """facts : model, weights, target_layer, preprocessing, device and so on, JSON-able
    missing : views that no image has
    """

    images: tuple[ExplainedImage, ...]
    kernels: tuple[Kernels, ...]
    missing: tuple[Missing, ...]
    facts: dict[str, Any] = field(default_factory=dict)
