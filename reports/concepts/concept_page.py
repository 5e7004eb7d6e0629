"""The page of `camaudit concept`: what was learned, how well, and where it lies in pictures."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from reports.colours import signed_png
from reports.concepts.concept_words import LIMITS, how_made
from reports.legends import write_legends
from reports.model_view import LONGEST_SIDE, encode_jpeg, outline_path
from reports.site import model_name
from reports.views.explain_plates import PictureFolder
from reports.views.view_folder import view_writer
from tasks.concepts.concept import Concept, ConceptMap, Group
from tasks.images.decoding import ImageSource, Pixels
from tasks.tables.whole_files import write_json, write_table

_GROUPS: tuple[tuple[Group, str, str, str], ...] = (
    (
        "top",
        "The surest of what was listed",
        "Positives of the highest scores.",
        "No held-out positive scores above zero.",
    ),
    (
        "false_positive",
        "The strongest false positives",
        "Not listed as positives, but scored above zero: mistakes, or images that the list lacks.",
        "No held-out negative scores above zero.",
    ),
    (
        "miss",
        "Misses",
        "Listed as positives, but scored at or below zero, the lowest first.",
        "Every held-out positive scores above zero.",
    ),
)


@dataclass(frozen=True)
class Plate:
    """view, src : paths in the folder; src is '' where the map cannot be drawn
    outline : SVG path data of the object, in a square of `side` pixels
    """

    map: ConceptMap
    name: str
    view: str
    src: str
    outline: str
    side: int


@dataclass(frozen=True)
class Section:
    """plates : of the held-out images; empty where there are none, and `nothing` says so"""

    title: str
    about: str
    nothing: str
    plates: list[Plate]


def write_concept_page(concept: Concept, folder: Path) -> Path:
    """Write FOLDER/index.html with its pictures, concept.json and the tables scores, weights and
    maps as Parquet; returns the path of the page. The folder appears whole.

    Raises: AuditError where the folder holds anything but an earlier view.
    """
    model = model_name(concept.model)
    title = f"{concept.title}, to {model}"
    with view_writer(folder, title, model, {"kind": "concept"}) as pages:
        write_json(pages.folder / "concept.json", concept.facts)
        for name, table in concept.tables.items():
            write_table(pages.folder / f"{name}.parquet", table)
        write_legends(pages.folder / "assets")
        files, limit = PictureFolder(pages.folder), _limit(concept)
        pages.write(
            "index.html",
            "concept.html",
            concept=concept,
            facts=concept.facts,
            limit=limit,
            sections=_sections(files, concept, limit),
            made=how_made(concept.facts),
            limits=LIMITS,
        )
    return folder / "index.html"


def _limit(concept: Concept) -> float:
    """The strongest colour of all pictures: the largest absolute value, so that a faint map is
    faint evidence."""
    shown = {image_id for ids in concept.groups.values() for image_id in ids}
    peaks = [float(np.abs(concept.maps[i].values).max()) for i in shown if i in concept.maps]
    return max([peak for peak in peaks if np.isfinite(peak)], default=0.0) or 1.0


def _sections(files: PictureFolder, concept: Concept, limit: float) -> list[Section]:
    source = ImageSource()
    return [
        Section(
            title,
            about,
            nothing,
            [
                _plate(files, concept.maps[image_id], limit, source)
                for image_id in concept.groups[group]
                if image_id in concept.maps
            ],
        )
        for group, title, about, nothing in _GROUPS
    ]


def _plate(files: PictureFolder, of: ConceptMap, limit: float, source: ImageSource) -> Plate:
    finite = bool(np.isfinite(of.values).all())
    return Plate(
        map=of,
        name=of.uri.replace("\\", "/").rsplit("/", 1)[-1],
        view=files.add(encode_jpeg(_small(of.view)), "jpg"),
        src=files.add(signed_png(of.values, limit), "png") if finite else "",
        outline=outline_path(source, of.mask_uri, of.boxes, of.placement),
        side=of.placement.crop,
    )


def _small(view: Pixels) -> Pixels:
    if len(view) <= LONGEST_SIDE:
        return view
    side = (LONGEST_SIDE, LONGEST_SIDE)
    return np.asarray(cv2.resize(view, side, interpolation=cv2.INTER_AREA), np.uint8)
