"""The pictures of a training, decoded and resized once as long as memory lasts."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tasks.images.decoding import ImageSource, UnreadableImage, decode_image
from tasks.images.geometry import centred
from tasks.images.preprocessing import Preprocessing

_MOST_BYTES = 2 * 2**30
_AT_ONCE = 256


@dataclass(frozen=True)
class Unreadable:
    """An image that cannot be trained on, by its row, and why."""

    row: int
    uri: str
    error: str


class Pictures:
    """N images by their rows, resized but not cropped: uint8 Tensors of shape (3, H, W).

    Resized pictures are kept in memory up to 2 GiB; the rest are read again each time. Sent to
    another process, the pictures stay behind.
    """

    def __init__(self, uris: Sequence[str], preprocessing: Preprocessing) -> None:
        self.preprocessing = preprocessing
        self._uris = list(uris)
        self._source = ImageSource()
        self._kept: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self._uris)

    def __getstate__(self) -> dict[str, Any]:
        return {"preprocessing": self.preprocessing, "uris": self._uris}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["uris"], state["preprocessing"])  # type: ignore[misc]

    def resized(self, row: int) -> Tensor:
        """The picture of a row.

        Raises: UnreadableImage.
        """
        kept = self._kept.get(row)
        return self._read(row) if kept is None else kept

    def cut(self, row: int) -> Tensor:
        """What a model sees of it, as an audit cuts it: shape (3, crop, crop)."""
        picture, crop = self.resized(row), self.preprocessing.crop
        top, left = (centred(side, crop) for side in picture.shape[1:])
        return picture[:, top : top + crop, left : left + crop]

    def try_cut(self, row: int) -> Tensor | Unreadable:
        """The same, or why it cannot be read."""
        try:
            return self.cut(row)
        except UnreadableImage as error:
            return self._unreadable(row, error)

    def read_all(self, threads: int, advance: Callable[[int], None]) -> list[Unreadable]:
        """Read every picture once, to keep it and to know which cannot be read.

        advance : told how many have been read since the last call
        """
        failed, held = [], 0
        with ThreadPoolExecutor(max_workers=threads) as pool:
            for start in range(0, len(self), _AT_ONCE):
                rows = range(start, min(start + _AT_ONCE, len(self)))
                for row, picture in zip(rows, pool.map(self._try, rows), strict=True):
                    if isinstance(picture, Unreadable):
                        failed.append(picture)
                    elif held + picture.numel() <= _MOST_BYTES:
                        held += picture.numel()
                        self._kept[row] = picture
                advance(len(rows))
        return failed

    def of(self, rows: Sequence[int]) -> "Pictures":
        """The pictures of these rows, numbered from 0, with what is in memory of them."""
        chosen = Pictures([self._uris[row] for row in rows], self.preprocessing)
        chosen._kept = {
            place: self._kept[row] for place, row in enumerate(rows) if row in self._kept
        }
        return chosen

    def _try(self, row: int) -> Tensor | Unreadable:
        try:
            return self._read(row)
        except UnreadableImage as error:
            return self._unreadable(row, error)

    def _unreadable(self, row: int, error: UnreadableImage) -> Unreadable:
        return Unreadable(row, self._uris[row], f"{error.stage}: {error}")

    def _read(self, row: int) -> Tensor:
        pixels = decode_image(self._source.read(self._uris[row]))
        return self.preprocessing.resized(pixels)[0].contiguous()


def stack(pictures: Sequence[Tensor]) -> Tensor:
    """Pictures of one size as a batch: (N, 3, H, W) uint8."""
    return torch.stack(list(pictures))
