"""An answer as it is shown: the picture with its map, and bars of what makes its logit."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from reports.colours import signed_png
from reports.model_view import LONGEST_SIDE, encode_jpeg, outline_path
from reports.views.explain_plates import PictureFolder
from tasks.images.decoding import ImageSource, Pixels
from tasks.questions.answered import Answered, Picture


@dataclass(frozen=True)
class Bar:
    """value : to the logit
    left, width : of the bar, in percent of a track with zero in its middle
    kind : word, image or bias
    """

    name: str
    kind: str
    value: float
    left: float
    width: float


@dataclass(frozen=True)
class Card:
    """view, src : paths in the folder; '' where there is no picture or no map to draw
    outline : SVG path data of the object, in a square of `side` pixels
    """

    answered: Answered
    uri: str
    name: str
    view: str
    src: str
    outline: str
    side: int
    bars: tuple[Bar, ...]

    @property
    def state(self) -> str:
        """right, wrong, or '' where nobody knows the right answer."""
        right = self.answered.question.answer
        return "" if not right else "right" if self.answered.answer == right else "wrong"


class CardWriter:
    """Makes cards on common scales: those of the strongest cell and the largest contribution of
    all that are to be shown, so that what is faint looks faint.

    shown : all answers of the page
    """

    def __init__(self, files: PictureFolder, shown: Iterable[Answered]) -> None:
        told = list(shown)
        peaks = [float(np.abs(each.map.values).max()) for each in told if each.map is not None]
        self.limit = max([peak for peak in peaks if np.isfinite(peak)], default=0.0) or 1.0
        sizes = [abs(value) for each in told for _, _, value in _parts(each)]
        self._longest = max(sizes, default=0.0) or 1.0
        self._files, self._source = files, ImageSource()
        self._views: dict[int, str] = {}

    def card(self, answered: Answered, uri: str, picture: Picture | None) -> Card:
        """picture : None where the image can no longer be read"""
        view = src = outline = ""
        if picture is not None:
            view = self._view(picture)
            outline = outline_path(self._source, picture.mask_uri, picture.boxes, picture.placement)
        if answered.map is not None and np.isfinite(answered.map.values).all():
            src = self._files.add(signed_png(answered.map.values, self.limit), "png")
        return Card(
            answered,
            uri,
            uri.replace("\\", "/").rsplit("/", 1)[-1],
            view,
            src,
            outline,
            picture.placement.crop if picture is not None else 1,
            tuple(self._bar(*part) for part in _parts(answered)),
        )

    def _view(self, picture: Picture) -> str:
        if picture.image_id not in self._views:
            content = encode_jpeg(_small(picture.view))
            self._views[picture.image_id] = self._files.add(content, "jpg")
        return self._views[picture.image_id]

    def _bar(self, kind: str, name: str, value: float) -> Bar:
        width = round(50 * abs(value) / self._longest, 2)
        return Bar(name, kind, value, 50.0 if value >= 0 else 50 - width, width)


def _parts(answered: Answered) -> list[tuple[str, str, float]]:
    parts = answered.contributions
    words = [("word", word, value) for word, value in parts.words]
    return [*words, ("image", "image", parts.image), ("bias", "bias", parts.bias)]


def _small(view: Pixels) -> Pixels:
    if len(view) <= LONGEST_SIDE:
        return view
    side = (LONGEST_SIDE, LONGEST_SIDE)
    return np.asarray(cv2.resize(view, side, interpolation=cv2.INTER_AREA), np.uint8)
