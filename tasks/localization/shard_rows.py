"""What localisation needs of each image, while its shard is explained."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.images.inputs import InputImage
from tasks.localization.boxes import Boxes, intersection_over_union, true_boxes
from tasks.localization.cam_box import Box, cam_box
from tasks.localization.centre import CentreBaseline
from tasks.localization.level_hits import level_hits
from tasks.localization.pixel_precision import PixelPrecision, score_bins
from tasks.localization.score_maps import enlarge, normalise
from tasks.tables.localization_schemas import LEVEL_HITS, LOCALIZATION, PIXEL_COUNTS

HIT = 0.5  # IoU from which a box by the 20 % rule counts
TOP = 5

Ranks = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class ShardLocalization:
    """Rows of `localization`, and pixel counts per class; the maps are the stored ones, rounded
    to float16, so that the same follows from `heatmaps`.

    side : of the model's view, pixels
    threads : that work on the images of a batch; OpenCV leaves Python's lock while it does
    """

    def __init__(self, side: int, threads: int = 1) -> None:
        self._side, self._threads, self._centre = side, threads, CentreBaseline(side)
        self._rows: list[pa.Table] = []
        self._pixels: dict[int, tuple[PixelPrecision, PixelPrecision]] = {}

    def update(
        self, images: list[InputImage], heatmaps: pa.Table, label_rank: Ranks, method: str
    ) -> None:
        """Take in a batch.

        heatmaps : rows of `heatmaps` of these images
        label_rank : int64, shape (N,), how many classes have a larger logit than the label
        method : whose maps are taken
        """
        with_object = [len(true_boxes(image)) > 0 for image in images]
        if not any(with_object):
            return
        chosen = (pc.field("role") == "label") & (pc.field("method") == method)
        maps = {row["image_id"]: row for row in heatmaps.filter(chosen).to_pylist()}
        located = [
            (image, maps[image.image_id], rank)
            for image, rank, has in zip(images, label_rank.tolist(), with_object, strict=True)
            if has and image.image_id in maps
        ]
        if located:
            with ThreadPoolExecutor(self._threads) as pool:
                found = list(pool.map(self._locate, *zip(*located, strict=True)))
            self._rows.append(_table([row for row, _ in found]))
            for (image, _, _), (_, scores) in zip(located, found, strict=True):
                self._count_pixels(image, scores)

    def rows(self) -> pa.Table:
        """A table of schema LOCALIZATION, in the order in which the images came."""
        return pa.concat_tables([LOCALIZATION.empty_table(), *self._rows])

    def pixel_counts(self) -> pa.Table:
        """A table of schema PIXEL_COUNTS, by label."""
        rows = [
            {
                "label": label,
                "images": of_map.images,
                "on": of_map.on,
                "off": of_map.off,
                "centre_on": of_centre.on,
                "centre_off": of_centre.off,
            }
            for label, (of_map, of_centre) in sorted(self._pixels.items())
        ]
        return pa.Table.from_pylist(rows, PIXEL_COUNTS)

    def _locate(
        self, image: InputImage, stored: dict[str, Any], rank: int
    ) -> tuple[dict[str, Any], Floats]:
        """The image's row of `localization`, and its score map."""
        grid = np.array(stored["heatmap"], dtype=np.float64).reshape(stored["rows"], stored["cols"])
        enlarged, objects = enlarge(grid, self._side), true_boxes(image)
        scores = normalise(enlarged)
        box = cam_box(enlarged)
        overlap, centre_overlap = _best(box, objects), _best(self._centre.box, objects)
        largest, any_contour = level_hits(scores, objects)
        row = {
            "image_id": image.image_id,
            "label": image.label,
            "object_source": image.object_source,
            "correct": rank == 0,
            "in_top_5": rank < TOP,
            **_in_image(box, image),
            "iou": overlap,
            "centre_iou": centre_overlap,
            "hit": overlap >= HIT,
            "centre_hit": centre_overlap >= HIT,
            "largest_hits": largest,
            "any_hits": any_contour,
            "centre_hits": self._centre.hits(objects),
        }
        return row, scores

    def _count_pixels(self, image: InputImage, scores: Floats) -> None:
        if image.object_source != "mask" or image.object_mask is None:
            return
        empty = PixelPrecision(), PixelPrecision()
        of_map, of_centre = self._pixels.setdefault(image.label, empty)
        of_map.update(score_bins(scores), image.object_mask)
        of_centre.update(self._centre.bins, image.object_mask)


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    columns = {name: [row[name] for row in rows] for name in LOCALIZATION.names}
    for name in ("largest_hits", "any_hits", "centre_hits"):
        flat = pa.array(np.stack(columns[name]).ravel())
        columns[name] = pa.FixedSizeListArray.from_arrays(flat, LEVEL_HITS)
    return pa.table(columns, schema=LOCALIZATION)


def _best(box: Box | None, found: Boxes) -> float:
    if box is None:
        return 0.0
    return float(intersection_over_union(np.array([box], dtype=np.int64), found).max())


def _in_image(box: Box | None, image: InputImage) -> dict[str, int | None]:
    names = ("box_top", "box_left", "box_bottom", "box_right")
    if box is None:
        return dict.fromkeys(names)
    left, top, right, bottom = box
    in_view = np.array([[top, left, bottom + 1, right + 1]], dtype=np.int64)
    return dict(zip(names, image.placement.to_image(in_view)[0].tolist(), strict=True))
