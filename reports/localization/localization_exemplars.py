"""The images that show how well boxes fit: the best, those in the middle, and the worst."""

from dataclasses import dataclass

import pandas as pd

from reports.cases import Case
from reports.localization.stored_localization import StoredLocalization
from reports.stored_maps import MapKey
from reports.tables import AuditTables
from tasks.images.geometry import Placement, place

PER_GROUP = 8
HIT = 0.5
TITLES = {
    "best": "The best of those that the centre box misses",
    "median": "In the middle",
    "worst": "The worst",
}

Box = tuple[float, float, float, float]  # left, top, width, height in pixels of the view


@dataclass(frozen=True)
class Exemplar:
    """box : of the map by the 20 % rule; None where the map points nowhere
    iou, centre_iou : with the best true box
    """

    case: Case
    box: Box | None
    iou: float
    centre_iou: float


@dataclass(frozen=True)
class Group:
    """title : what the images have in common"""

    title: str
    key: str
    exemplars: list[Exemplar]


def choose_localized(stored: StoredLocalization | None) -> dict[str, list[int]]:
    """Image ids by key of TITLES, ordered by IoU. No image is in two of them; ties by image_id.

    The best are chosen where the centre box misses: where the object fills the view, any large
    box is right.
    """
    if stored is None:
        return {}
    ordered = stored.images.sort_values(["iou", "image_id"], ascending=[False, True])
    each = min(PER_GROUP, len(ordered) // 3)
    middle = (len(ordered) - each) // 2
    groups = {
        "worst": ordered.iloc[::-1][:each],
        "median": ordered.iloc[middle : middle + each],
        "best": ordered[ordered["centre_iou"] < HIT],
    }
    shown: set[int] = set()
    chosen = {}
    for key, rows in groups.items():
        ids = [int(i) for i in rows["image_id"] if int(i) not in shown][:each]
        chosen[key] = ids
        shown |= set(ids)
    return {key: chosen[key] for key in TITLES if chosen[key]}


def localized_keys(chosen: dict[str, list[int]]) -> set[MapKey]:
    """The maps that the page needs."""
    return {(image_id, "label") for ids in chosen.values() for image_id in ids}


def show_localized(
    tables: AuditTables, chosen: dict[str, list[int]], cases: dict[int, Case]
) -> list[Group]:
    """The chosen images with their boxes.

    cases : by image_id, of all that were chosen
    """
    if tables.localization is None:
        return []
    rows = tables.localization.images.set_index("image_id")
    wanted = [image_id for ids in chosen.values() for image_id in ids]
    sizes = tables.rows_of(wanted).set_index("image_id")[["width", "height"]]
    return [
        Group(
            TITLES[key],
            key,
            [_exemplar(cases[i], rows.loc[i], sizes.loc[i], tables.crop) for i in ids],
        )
        for key, ids in chosen.items()
    ]


def _exemplar(case: Case, row: pd.Series, size: pd.Series, crop: tuple[int, int]) -> Exemplar:
    box = None
    if not pd.isna(row["box_top"]):
        box = _in_view(row, place(int(size["width"]), int(size["height"]), *crop))
    return Exemplar(case, box, float(row["iou"]), float(row["centre_iou"]))


def _in_view(row: pd.Series, placement: Placement) -> Box:
    across = placement.resized_width / placement.width
    down = placement.resized_height / placement.height
    left, right = (row[e] * across - placement.left for e in ("box_left", "box_right"))
    top, bottom = (row[e] * down - placement.top for e in ("box_top", "box_bottom"))
    left, top = max(left, 0.0), max(top, 0.0)
    right, bottom = min(right, placement.crop), min(bottom, placement.crop)
    return round(left, 1), round(top, 1), round(right - left, 1), round(bottom - top, 1)
