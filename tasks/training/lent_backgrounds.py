"""Images with their objects, and the backgrounds that they lend to objects of other classes."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from tasks.errors import AuditError
from tasks.images.decoding import Pixels
from tasks.images.inputs import InputReader
from tasks.interventions.fills import object_inpainted

Floats = npt.NDArray[np.float32]

# Shares of the view, those of the second pass: around a larger object there is but a rim, and
# behind one of more than half of the view all would be made up.
SMALLEST_OBJECT, LARGEST_OBJECT, LARGEST_LENDER = 0.005, 0.9, 0.5
LENDERS_KEPT = 1024  # in memory, of all classes together: some 150 kB each at 224 pixels
MOST_OF_A_CLASS = 256
_GRID = 16
_CANDIDATES = 4  # for each lender that is wanted


@dataclass(frozen=True)
class ObjectView:
    """pixels : uint8, shape (S, S, 3), RGB; object_mask : bool, shape (S, S)
    cells : float32, shape (256,), the object's share of each cell of a 16 x 16 grid
    """

    pixels: Pixels
    object_mask: npt.NDArray[np.bool_]
    cells: Floats


@dataclass(frozen=True)
class Lender:
    """An image without its object: background uint8, shape (S, S, 3), RGB; cells as in ObjectView,
    of the object that was there."""

    uri: str
    content_key: str
    label: int
    background: Pixels
    cells: Floats


def read_view(row: dict[str, Any], reader: InputReader) -> ObjectView | None:
    """A row of schema MANIFEST as the model sees it, with its object; None where image or mask
    cannot be read, or the object is next to nothing or next to all of the view."""
    read = reader.read(row)
    if read.image is None or read.failure is not None or read.image.object_mask is None:
        return None
    mask = read.image.object_mask
    if not SMALLEST_OBJECT <= mask.mean() <= LARGEST_OBJECT:
        return None
    pixels = np.ascontiguousarray(read.image.pixels.permute(1, 2, 0).numpy())
    cells: Any = cv2.resize(mask.astype(np.float32), (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    return ObjectView(pixels, mask, cells.reshape(-1))


def lenders(
    rows: Sequence[dict[str, Any]], reader: InputReader, pool: Executor, seed: int
) -> dict[int, list[Lender]]:
    """Images of each class that lend their background, by label: as many as memory allows, drawn
    by their uris alone.

    rows : of schema MANIFEST, labelled, with mask or box

    Raises: AuditError where there are lenders of fewer than two classes.
    """
    by_label: dict[int, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: digest_of(row["uri"], seed)):
        by_label.setdefault(row["label"], []).append(row)
    most = max(2, min(MOST_OF_A_CLASS, LENDERS_KEPT // max(1, len(by_label))))
    drawn = [row for label in sorted(by_label) for row in by_label[label][:most]]
    found: dict[int, list[Lender]] = {}
    for lender in pool.map(lambda row: _lender(row, reader), drawn):
        if lender is not None:
            found.setdefault(lender.label, []).append(lender)
    if len(found) < 2:
        raise AuditError(
            f"images of {len(found)} class(es) have a background to lend, of {len(drawn)} with a "
            "mask or box that were read; expected two classes or more, since an object is laid on "
            "backgrounds of others. Look whether masks and boxes fit their images"
        )
    return found


def _lender(row: dict[str, Any], reader: InputReader) -> Lender | None:
    view = read_view(row, reader)
    if view is None or view.object_mask.mean() > LARGEST_LENDER:
        return None
    background = object_inpainted(view.pixels, view.object_mask)
    return Lender(row["uri"], row["content_key"], row["label"], background, view.cells)


def chosen_lenders(
    row: dict[str, Any],
    view: ObjectView,
    pools: dict[int, list[Lender]],
    count: int,
    seed: int,
) -> list[Lender]:
    """`count` different lenders of classes other than the image's own, each of another class as
    long as there are enough; of a few drawn at random that whose own object is hidden most.

    row : of schema MANIFEST; what is drawn depends on its uri and the seed alone
    """
    rng = np.random.default_rng(int(digest_of(row["uri"], seed), 16))
    left = {label: list(pool) for label, pool in pools.items() if label != row["label"]}
    chosen: list[Lender] = []
    while len(chosen) < count and any(left.values()):
        for label in rng.permutation(sorted(left)):
            pool = left[int(label)]
            if not pool or len(chosen) == count:
                continue
            drawn = rng.choice(len(pool), min(_CANDIDATES, len(pool)), replace=False)
            hidden = [float(pool[i].cells @ (1 - view.cells)) for i in drawn]
            chosen.append(pool.pop(int(drawn[int(np.argmin(hidden))])))
    return chosen


def digest_of(*parts: str | int) -> str:
    """A name of 24 hexadecimal digits that other parts would not have."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()
