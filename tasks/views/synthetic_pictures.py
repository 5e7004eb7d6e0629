"""Synthetic best-matching inputs as a page takes them: arrays and numbers, no torch."""

from dataclasses import dataclass

from tasks.images.decoding import Pixels


@dataclass(frozen=True)
class SyntheticPicture:
    """index : of the unit in its layer, or of the class
    name : of the class; '' for a unit
    pixels : uint8 RGB, shape (size, size, 3)
    activation, start, noise : of the unit for this picture, for the noise that the ascent
        began with, and its mean over random pictures of full contrast
    steps : the last that had a gradient; fewer than asked for where the unit came to rest
    state : 'ok'; 'dead', no step had a gradient; 'not_finite'; 'no_gain', no stronger than
        noise. Only an 'ok' picture shows what the unit answers to
    """

    index: int
    name: str
    pixels: Pixels
    activation: float
    start: float
    noise: float
    steps: int
    state: str


@dataclass(frozen=True)
class SyntheticGroup:
    """The pictures for units of one layer, or for classes.

    layer : '' for the class logits
    grid : rows and columns of the layer's map; (1, 1) where there is none
    """

    layer: str
    channels: int
    grid: tuple[int, int]
    pictures: tuple[SyntheticPicture, ...]


@dataclass(frozen=True)
class SyntheticView:
    """Everything on the page; `settings` are those of SyntheticConfig."""

    settings: dict[str, object]
    groups: tuple[SyntheticGroup, ...]
