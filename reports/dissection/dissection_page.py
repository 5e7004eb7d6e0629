"""The page of `camaudit dissect`: units with their labels, objects with their units, pictures."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from reports.dissection.dissection_words import LIMITS, how_made, source_words
from reports.model_view import LONGEST_SIDE, contours_path, encode_jpeg
from reports.site import model_name
from reports.views.explain_plates import PictureFolder
from reports.views.view_folder import view_writer
from tasks.dissection.dissection import ConceptFound, Dissection, UnitFound, UnitPicture
from tasks.images.decoding import Pixels
from tasks.tables.whole_files import write_json, write_table

Region = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Plate:
    """src : path in the folder
    region, object : SVG path data in a square of `side` pixels; '' where there is none
    """

    picture: UnitPicture
    name: str
    src: str
    region: str
    object: str
    side: int


@dataclass(frozen=True)
class Gallery:
    unit: UnitFound
    plates: list[Plate]


@dataclass(frozen=True)
class ConceptRow:
    """share : of the labelled units, a percentage for its bar"""

    concept: ConceptFound
    source: str
    share: float


def write_dissection_page(found: Dissection, folder: Path) -> Path:
    """Write FOLDER/index.html with its pictures, dissection.json and the tables units, concepts
    and scores as Parquet; returns the path of the page. The folder appears whole.

    Raises: AuditError where the folder holds anything but an earlier view.
    """
    model, facts = model_name(found.model), found.facts
    title = f"Units of {model}"
    with view_writer(folder, title, model, {"kind": "dissection"}) as pages:
        write_json(pages.folder / "dissection.json", facts)
        for name, table in found.tables.items():
            write_table(pages.folder / f"{name}.parquet", table)
        files = PictureFolder(pages.folder)
        pages.write(
            "index.html",
            "dissection.html",
            facts=facts,
            units=sorted(found.units, key=lambda unit: (-unit.iou, unit.unit)),
            concepts=_concepts(found),
            galleries=_galleries(files, found),
            made=how_made(facts),
            limits=LIMITS,
        )
    return folder / "index.html"


def _concepts(found: Dissection) -> list[ConceptRow]:
    most = max([concept.units for concept in found.concepts], default=0) or 1
    ordered = sorted(found.concepts, key=lambda each: (-each.units, -each.best_iou, each.name))
    return [ConceptRow(each, source_words(each), 100 * each.units / most) for each in ordered]


def _galleries(files: PictureFolder, found: Dissection) -> list[Gallery]:
    sources: dict[int, str] = {}  # one file for an image that excites several units
    galleries = []
    for unit, pictures in found.pictures.items():
        for picture in pictures:
            if picture.image_id not in sources:
                view = encode_jpeg(_small(picture.view))
                sources[picture.image_id] = files.add(view, "jpg")
        plates = [_plate(picture, sources[picture.image_id]) for picture in pictures]
        galleries.append(Gallery(found.units[unit], plates))
    return galleries


def _plate(picture: UnitPicture, src: str) -> Plate:
    return Plate(
        picture=picture,
        name=picture.uri.replace("\\", "/").rsplit("/", 1)[-1],
        src=src,
        region=contours_path(picture.region),
        object="" if picture.object is None else contours_path(picture.object),
        side=len(picture.view),
    )


def _small(view: Pixels) -> Pixels:
    if len(view) <= LONGEST_SIDE:
        return view
    side = (LONGEST_SIDE, LONGEST_SIDE)
    return np.asarray(cv2.resize(view, side, interpolation=cv2.INTER_AREA), np.uint8)
