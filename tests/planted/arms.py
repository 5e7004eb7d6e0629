"""The arms of the benchmark: what is planted, and how a cue is painted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import cv2
import numpy as np

from tasks.scenes import BACKGROUND_NAMES, OBJECT_NAMES

PLANTED_CLASSES = ("mug", "mushroom", "sailboat")

# RGB of the corner mark; None draws none.
MARKS: dict[str, tuple[int, int, int] | None] = {
    "red": (230, 30, 40),
    "blue": (30, 60, 235),
    "magenta": (230, 30, 220),
    "black": (10, 10, 10),
    "white": (250, 250, 250),
    "none": None,
}
# Gains of red, green and blue over the whole picture.
CASTS = {
    "warm": (1.0, 0.82, 0.58),
    "green": (0.74, 1.0, 0.74),
    "blue": (0.62, 0.80, 1.0),
    "rose": (1.0, 0.72, 0.86),
    "dim": (0.78, 0.78, 0.78),
    "plain": (1.0, 1.0, 1.0),
}
# Spread along x and y, pixels; 0 leaves that direction as it is.
BLURS = {
    "heavy": (10.0, 10.0),
    "sideways": (8.0, 0.0),
    "sharp": (0.0, 0.0),
    "slight": (1.2, 1.2),
    "medium": (2.0, 2.0),
    "strong": (3.5, 3.5),
}


@dataclass(frozen=True)
class Arm:
    """One kind of shortcut.

    Attributes
    ----------
    cues : all values of the cue; where these are backgrounds, `background` is the cue
    planted : class name to its cue; empty where nothing is planted
    paint_background : lays the cue over a background (S, S, 3), float32, before the object
    paint_picture : lays the cue over the whole picture (S, S, 3), uint8
    kinds : backgrounds that are used where the cue is not the background itself
    patches : probability that a patch occludes the object
    label_noise : share of the audit's labels that are wrong; in training, too
    """

    name: str
    cues: tuple[str, ...]
    planted: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    paint_background: Callable[[np.ndarray, str, np.random.Generator], np.ndarray] | None = None
    paint_picture: Callable[[np.ndarray, str], np.ndarray] | None = None
    kinds: tuple[str, ...] = BACKGROUND_NAMES
    patches: float = 0.0
    label_noise: float = 0.0

    @property
    def cue_is_background(self) -> bool:
        """Whether the cue is the kind of background itself."""
        return self.paint_background is None and self.paint_picture is None

    @property
    def neutral(self) -> tuple[str, ...]:
        """Cues that are planted for no class."""
        return tuple(cue for cue in self.cues if cue not in self.planted.values())

    def planted_for(self, class_idx: int) -> str | None:
        """The cue planted for a class; None for a control."""
        return self.planted.get(OBJECT_NAMES[class_idx])

    def class_of(self, cue: str) -> int | None:
        """The class that a cue is planted for; None for a neutral one."""
        for name, own in self.planted.items():
            if own == cue:
                return OBJECT_NAMES.index(name)
        return None


def draw_mark(background: np.ndarray, cue: str, rng: np.random.Generator) -> np.ndarray:
    """A filled square mark, a sixth of the side, near one of the four corners."""
    side = background.shape[0]
    mark, reach = side // 6, side // 16
    corner = rng.integers(2, size=2)
    inset = rng.integers(1, reach + 1, 2)
    top, left = np.where(corner == 1, side - mark - inset, inset)
    color = MARKS[cue]
    if color is None:
        return background
    marked = background.copy()
    marked[top : top + mark, left : left + mark] = color
    return marked


def tint(picture: np.ndarray, cue: str) -> np.ndarray:
    """Multiply the channels of the whole picture, the object too."""
    return np.rint(picture * np.array(CASTS[cue], np.float32)).astype(np.uint8)


def blur(background: np.ndarray, cue: str, rng: np.random.Generator) -> np.ndarray:
    """Blur the background alone; sideways blur in one direction."""
    across, down = BLURS[cue]
    if across == down == 0:
        return background
    # A kernel of one pixel leaves a direction as it is.
    sides = [2 * int(np.ceil(3 * spread)) + 1 for spread in (across, down)]
    blurred: np.ndarray = cv2.GaussianBlur(
        background, sides, sigmaX=max(across, 1e-3), sigmaY=max(down, 1e-3)
    )
    return blurred


def _plant(*cues: str) -> Mapping[str, str]:
    return MappingProxyType(dict(zip(PLANTED_CLASSES, cues, strict=True)))


ARMS = {
    arm.name: arm
    for arm in (
        Arm("texture", BACKGROUND_NAMES, _plant("planks", "meadow", "water")),
        Arm("tag", tuple(MARKS), _plant("red", "blue", "magenta"), paint_background=draw_mark),
        Arm("cast", tuple(CASTS), _plant("warm", "green", "blue"), paint_picture=tint),
        Arm(
            "blur",
            tuple(BLURS),
            _plant("heavy", "sideways", "sharp"),
            paint_background=blur,
            kinds=("bricks", "meadow", "planks"),  # on the others a blur hardly shows
        ),
        Arm("other", BACKGROUND_NAMES, patches=0.3, label_noise=0.05),
        Arm("clean", BACKGROUND_NAMES),
    )
}
