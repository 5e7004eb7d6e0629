"""The page of `camaudit units`: pictures that excite units and classes most."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2

from reports.pages import PageWriter
from reports.site import model_name
from reports.views.view_folder import view_writer
from tasks.images.decoding import Pixels
from tasks.views.synthetic_pictures import SyntheticGroup, SyntheticPicture, SyntheticView

_BADGES = {
    "ok": "",
    "dead": "dead: no gradient at any step",
    "not_finite": "activation is not finite",
    "no_gain": "no stronger than a random picture",
}


@dataclass(frozen=True)
class Plate:
    """src : path in the folder; '' where the picture would show nothing, and `badge` says why
    number : of the picture among those of its unit, from 1; 0 where there is only one
    """

    picture: SyntheticPicture
    number: int
    src: str
    badge: str


def write_units_page(view: SyntheticView, folder: Path) -> Path:
    """Write FOLDER/index.html, its pictures and view.json; returns the path of the page.

    Raises: AuditError where the folder holds anything but an earlier view.
    """
    settings = view.settings
    model = model_name({"config": settings})
    title = f"What excites {model}"
    facts: dict[str, Any] = {"kind": "units", "settings": settings, "groups": []}
    with view_writer(folder, title, model, facts) as pages:
        groups = []
        for group in view.groups:
            plates = _draw(group, int(str(settings["per_unit"])), pages)
            groups.append((group, plates))
            facts["groups"].append(_numbers(group, plates))
        pages.write(
            "index.html", "units.html", groups=groups, settings=settings, method=_method(settings)
        )
    return folder / "index.html"


def _draw(group: SyntheticGroup, per_unit: int, pages: PageWriter) -> list[Plate]:
    """Write the pictures of a group as PNG files, named by numbers alone."""
    pictures = pages.folder / "pictures" / ("units" if group.layer else "classes")
    pictures.mkdir(parents=True)
    plates = []
    for position, picture in enumerate(group.pictures):
        src, number = "", position % per_unit + 1 if per_unit > 1 else 0
        if picture.state == "ok":
            file = pictures / f"{position}.png"
            file.write_bytes(encode_png(picture.pixels))
            src = file.relative_to(pages.folder).as_posix()
        plates.append(Plate(picture, number, src, _BADGES[picture.state]))
    return plates


def encode_png(pixels: Pixels) -> bytes:
    """RGB pixels, uint8, shape (rows, cols, 3), as a PNG file."""
    written, content = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    if not written:
        raise ValueError(f"OpenCV cannot encode a picture of shape {pixels.shape}")
    return bytes(content)


def _numbers(group: SyntheticGroup, plates: list[Plate]) -> dict[str, Any]:
    """The group for view.json, which knows no NaN."""
    rows = []
    for plate in plates:
        row = {**asdict(plate.picture), "file": plate.src}
        del row["pixels"]
        rows.append({key: None if value != value else value for key, value in row.items()})
    return {"layer": group.layer, "channels": group.channels, "pictures": rows}


def _method(settings: dict[str, Any]) -> list[tuple[str, str]]:
    spectrum = "spectrum scaled by 1 / f, uncorrelated colours"
    how = {"fourier": spectrum, "pixel": "each pixel on its own"}[settings["parametrisation"]]
    aim = "the unit's centre cell" if settings["centre"] else "the unit's mean over its map"
    rows = [
        ("Climbed in", f"{aim}; the logit, for a class"),
        ("Picture", f"{settings['size']} × {settings['size']} pixels, {how}"),
        ("Steps", f"{settings['steps']} of Adam at {settings['learning_rate']:g}"),
        ("Before each step", "shifted, turned and enlarged a little, at random"),
        ("Smoothness", f"total variation at {settings['smoothness']:g}"),
        ("Seed", str(settings["seed"])),
    ]
    if settings["layer"]:
        rows.insert(0, ("Layer", str(settings["layer"])))
    return rows
