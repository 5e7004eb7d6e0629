"""The page of `camaudit features`: accuracies side by side, and the answers that crops changed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.model_view import draw_view, encode_jpeg, outline_path
from reports.quantities import Rate
from reports.representation.representation_words import (
    LIMITS,
    VIEW_WORDS,
    classifier_words,
    how_made,
)
from reports.site import model_name
from reports.views.explain_plates import PictureFolder
from reports.views.view_folder import view_writer
from tasks.images.decoding import ImageSource, UnreadableImage, decode_image
from tasks.images.geometry import place
from tasks.representation.representation import ChangedAnswer, Representation
from tasks.statistics.mcnemar import PairedAccuracy
from tasks.tables.whole_files import write_json, write_table


@dataclass(frozen=True)
class Row:
    """rates : one for each view of the table; None where there is none"""

    name: str
    rates: list[Rate | None]


@dataclass(frozen=True)
class Pair:
    """own, reference : a view and a classifier in words"""

    own: tuple[str, str]
    reference: tuple[str, str]
    paired: PairedAccuracy


@dataclass(frozen=True)
class Plate:
    """src : path in the folder; '' where the image cannot be read any more
    outlines : by view, SVG path data of its box in a square of `side` pixels
    """

    answer: ChangedAnswer
    name: str
    src: str
    outlines: dict[str, str]
    side: int


def write_representation_page(found: Representation, folder: Path) -> Path:
    """Write FOLDER/index.html with its pictures, representation.json and the tables answers and
    boxes as Parquet; returns the path of the page. The folder appears whole.

    Raises: AuditError where the folder holds anything but an earlier view.
    """
    model, facts = model_name(found.model), found.facts
    title = f"Deep features of {model}"
    views = [view for view in VIEW_WORDS if any(each.view == view for each in found.accuracies)]
    with view_writer(folder, title, model, {"kind": "features"}) as pages:
        write_json(pages.folder / "representation.json", facts)
        for name, table in found.tables.items():
            write_table(pages.folder / f"{name}.parquet", table)
        files = PictureFolder(pages.folder)
        pages.write(
            "index.html",
            "representation.html",
            facts=facts,
            views=[VIEW_WORDS[view] for view in views],
            rows=_rows(found, views),
            pairs=_pairs(found),
            gained=_plates(files, found.gained, found.model),
            lost=_plates(files, found.lost, found.model),
            made=how_made(facts),
            limits=LIMITS if len(views) > 1 else LIMITS[:3],
        )
    return folder / "index.html"


def _rows(found: Representation, views: list[str]) -> list[Row]:
    by_key = {(each.view, each.classifier): each for each in found.accuracies}
    rows = []
    for classifier in dict.fromkeys(each.classifier for each in found.accuracies):
        cells = [by_key.get((view, classifier)) for view in views]
        rates = [None if each is None else Rate(each.correct, each.images) for each in cells]
        rows.append(Row(_classifier(classifier, found), rates))
    return rows


def _pairs(found: Representation) -> list[Pair]:
    return [
        Pair(
            (VIEW_WORDS[each.view], _classifier(each.classifier, found)),
            (
                VIEW_WORDS[each.reference_view],
                _classifier(each.reference_classifier, found),
            ),
            each.paired,
        )
        for each in found.comparisons
    ]


def _classifier(name: str, found: Representation) -> str:
    return classifier_words(name, found.facts["classes"], len(found.model["classes"]))


def _plates(
    files: PictureFolder, answers: list[ChangedAnswer], model: dict[str, Any]
) -> list[Plate]:
    source, cut = ImageSource(), model["preprocessing"]
    return [_plate(files, each, source, cut) for each in answers]


def _plate(
    files: PictureFolder, answer: ChangedAnswer, source: ImageSource, cut: dict[str, Any]
) -> Plate:
    name = answer.uri.replace("\\", "/").rsplit("/", 1)[-1]
    try:
        image = decode_image(source.read(answer.uri))
    except UnreadableImage:
        return Plate(answer, name, "", {}, cut["crop"])
    placement = place(image.shape[1], image.shape[0], cut["resize"], cut["crop"])
    return Plate(
        answer,
        name,
        files.add(encode_jpeg(draw_view(image, placement)), "jpg"),
        {view: outline_path(source, None, [box], placement) for view, box in answer.boxes.items()},
        cut["crop"],
    )
