"""The page of `camaudit objects`: per class, the objects that its maps cover."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.informative_objects.objects_table import SHOWN_OBJECTS, ObjectRow, object_row
from reports.informative_objects.objects_words import LIMITS, how_made
from reports.model_view import contours_path, draw_view, encode_jpeg
from reports.site import model_name
from reports.views.explain_plates import PictureFolder
from reports.views.view_folder import view_writer
from tasks.images.decoding import ImageSource, UnreadableImage, decode_image
from tasks.informative_objects.class_objects import InformativeObjects, ScenePicture
from tasks.tables.whole_files import write_json, write_table


@dataclass(frozen=True)
class Plate:
    """src : path in the folder; '' where the image cannot be read any more
    region, objects : SVG path data in a square of `side` pixels
    covered, missed : names of objects
    """

    name: str
    uri: str
    src: str
    region: str
    objects: str
    side: int
    covered: list[str]
    missed: list[str]


@dataclass(frozen=True)
class ClassTable:
    """more : objects that the page leaves to the table"""

    name: str
    images: int
    rows: list[ObjectRow]
    more: int
    plates: list[Plate]


def write_objects_page(found: InformativeObjects, folder: Path) -> Path:
    """Write FOLDER/index.html with its pictures, objects.json and the table objects as Parquet;
    returns the path of the page. The folder appears whole.

    Raises: AuditError where the folder holds anything but an earlier view.
    """
    model, facts = model_name(found.model), found.facts
    title = f"Objects in the scenes of {model}"
    with view_writer(folder, title, model, {"kind": "objects"}) as pages:
        write_json(pages.folder / "objects.json", facts)
        write_table(pages.folder / "objects.parquet", found.table)
        tables = _tables(found, PictureFolder(pages.folder))
        pages.write(
            "index.html",
            "objects.html",
            facts=facts,
            tables=tables,
            others=len(found.classes) - len(tables),
            made=how_made(facts),
            limits=LIMITS,
        )
    return folder / "index.html"


def _tables(found: InformativeObjects, files: PictureFolder) -> list[ClassTable]:
    """The classes that have pictures or could have, by name."""
    by_class: dict[int, list[dict[str, Any]]] = {each: [] for each in found.pictures}
    for row in found.table.to_pylist():
        if row["class_idx"] in by_class:
            by_class[row["class_idx"]].append(row)
    source, shown = ImageSource(), [each for each in found.classes if each.class_idx in by_class]
    return [
        ClassTable(
            each.name,
            each.images,
            [object_row(row) for row in by_class[each.class_idx][:SHOWN_OBJECTS]],
            max(0, len(each.objects) - SHOWN_OBJECTS),
            [
                _plate(picture, files, source, found.facts["covered"])
                for picture in found.pictures[each.class_idx]
            ],
        )
        for each in sorted(shown, key=lambda each: (each.name.casefold(), each.class_idx))
    ]


def _plate(picture: ScenePicture, files: PictureFolder, source: ImageSource, least: float) -> Plate:
    try:
        image = decode_image(source.read(picture.uri))
        src = files.add(encode_jpeg(draw_view(image, picture.placement)), "jpg")
    except UnreadableImage:
        src = ""
    return Plate(
        name=picture.uri.replace("\\", "/").rsplit("/", 1)[-1],
        uri=picture.uri,
        src=src,
        region=contours_path(picture.region),
        objects="".join(contours_path(each.inside) for each in picture.objects),
        side=picture.placement.crop,
        covered=[each.name for each in picture.objects if each.share >= least],
        missed=[each.name for each in picture.objects if each.share < least],
    )
