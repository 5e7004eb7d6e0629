"""The page of `camaudit explain`: one or several images, and the kernels of the model."""

import math
from pathlib import Path
from typing import Any

from reports.formats import count, plural
from reports.legends import write_legends
from reports.site import model_name
from reports.views.explain_plates import PictureFolder
from reports.views.explain_sections import draw_image, draw_kernels
from reports.views.tile_colours import Values
from reports.views.view_folder import view_writer
from tasks.views.explanation import ExplainedImage, Explanation, state_of


def write_explain_page(explanation: Explanation, folder: Path) -> Path:
    """Write FOLDER/index.html, its pictures and view.json; returns the path of the page.

    The folder appears whole; an earlier page stays until then.

    Raises: AuditError where the folder holds anything but an earlier view.
    """
    model = model_name({"config": explanation.facts})
    title = f"What {model} sees in {plural(len(explanation.images), 'image')}"
    facts = {
        "kind": "explain",
        **explanation.facts,
        "images": [_numbers(image) for image in explanation.images],
        "missing": [{"view": each.title, "reason": each.reason} for each in explanation.missing],
    }
    with view_writer(folder, title, model, facts) as pages:
        write_legends(pages.folder / "assets")
        files = PictureFolder(pages.folder)
        pages.write(
            "index.html",
            "explain.html",
            images=[
                draw_image(files, number, image)
                for number, image in enumerate(explanation.images, start=1)
            ],
            kernels=[draw_kernels(files, each) for each in explanation.kernels],
            missing=explanation.missing,
            made=_made(explanation),
            first_method=explanation.images[0].top_maps[0].title,
            score=explanation.facts["target"],
            target=" + ".join(explanation.facts["target_layers"]),
        )
    return folder / "index.html"


def _made(explanation: Explanation) -> list[tuple[str, str]]:
    facts = explanation.facts
    cut = facts["preprocessing"]
    arithmetic = "exact" if facts["exact"] else "optimised for inference, as in an audit"
    rows = [
        ("Model", str(facts["model"])),
        ("Weights", str(facts["weights"] or "the model's own")),
        ("Classes", count(facts["classes"])),
        ("Target layer", ", ".join(facts["target_layers"])),
        ("Score", f"the {facts['target']} of the class"),
        (
            "Preprocessing",
            f"shorter side to {cut['resize']} ({cut['interpolation']}), centre crop {cut['crop']}; "
            f"mean {_list(cut['mean'])}, std {_list(cut['std'])}",
        ),
        ("Arithmetic of the maps", arithmetic),
        ("SmoothGrad", "25 noisy copies, noise of 15 % of the image's value range"),
        ("Sanity check", "new weights from the layers' own initialisation, seed 0"),
    ]
    return rows if facts["sanity"] else rows[:-1]


def _list(values: Any) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _numbers(image: ExplainedImage) -> dict[str, Any]:
    """One image for view.json."""
    return {
        "uri": image.uri,
        "top": [
            {"class_idx": of.class_idx, "name": of.name, "rank": of.rank, "logit": of.logit,
             "probability": of.probability}
            for of in image.top
        ],
        "maps": [
            {"class_idx": each.of.class_idx, "method": heatmap.method,
             "state": state_of(heatmap.values), "peak": _peak(heatmap.values)}
            for each in image.classes for heatmap in each.methods
        ],
        "sanity": [
            {"view": row.title, "layer": view.layer, "correlation": _number(view.correlation)}
            for row in image.sanity for view in row.views if view.layer
        ],
        "features": {maps.layer: list(maps.units) for maps in image.features},
    }  # fmt: skip


def _peak(values: Values) -> float | None:
    return _number(float(values.max()))


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None  # JSON has no NaN
