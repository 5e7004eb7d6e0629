"""Discriminative regions: images with the strongest evidence for their label, cut by its map."""

import pandas as pd

from reports.colours import Map
from reports.largest import largest_of_each
from reports.patterns.placements import Placements
from reports.patterns.unit_layers import Box, in_image, view_box
from reports.stored_maps import MapKey
from tasks.images.geometry import Placement
from tasks.representation.map_box import map_box, square_around

LABEL = "label"


def choose_regions(
    images: pd.DataFrame, first_id: dict[int, int], most: int
) -> dict[int, list[int]]:
    """Image ids by class, the strongest evidence for the label first: the largest value of the
    raw map. One of each group of near-duplicates; of equals the lower image_id.

    images : columns image_id, label, label_scale and label_state, by image_id
    first_id : the image that stands for another, by image_id
    """
    columns = ["image_id", "label", "label_scale"]
    rows = images.loc[images["label_state"] == "ok", columns]
    rows = rows.drop(_weaker_alike(rows, first_id))
    return largest_of_each(rows, LABEL, rows["label_scale"], most)


def _weaker_alike(rows: pd.DataFrame, first_id: dict[int, int]) -> pd.Index:
    """Of the near-duplicates with one label, all rows but that of the strongest evidence."""
    stands_for = pd.Series(first_id, dtype="int64")
    alike = rows[rows["image_id"].isin([*stands_for.index, *stands_for])]
    group = alike["image_id"].map(stands_for).fillna(alike["image_id"])
    ordered = alike.assign(group=group).sort_values("label_scale", ascending=False, kind="stable")
    return ordered.index[ordered.duplicated(["label", "group"])]


def region_keys(chosen: dict[int, list[int]]) -> set[MapKey]:
    """The maps that the regions are cut by."""
    return {(image_id, LABEL) for ids in chosen.values() for image_id in ids}


def region_boxes(
    maps: dict[MapKey, Map], chosen: dict[int, list[int]], places: Placements
) -> dict[int, Box]:
    """By image_id the box of the label's map by the 20 % rule (arXiv:1512.04150, section 3.1), in
    pixels of the image."""
    boxes = {}
    for key in region_keys(chosen) & maps.keys():
        in_view = map_box(maps[key], places.crop)
        if in_view is not None:
            boxes[key[0]] = in_image(places.of(key[0]), *in_view)
    return boxes


def square_in_view(box: Box, placement: Placement) -> Box:
    """The square around a box, in pixels of the image, inside what the model saw."""
    top, left, bottom, right = view_box(placement)
    inside = (box[0] - top, box[1] - left, box[2] - top, box[3] - left)
    cut = square_around(inside, bottom - top, right - left)
    return cut[0] + top, cut[1] + left, cut[2] + top, cut[3] + left
