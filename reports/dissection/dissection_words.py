"""How units were dissected, in words."""

from typing import Any

from reports.formats import count, magnitude, plural
from tasks.dissection.dissection import ConceptFound

LIMITS = [
    (
        "What a label means",
        "The unit's strongest region meets this object more than any other that was named. It may "
        "answer to a part, a colour or a texture of it, or to something beside it that has no name "
        "here.",
    ),
    (
        "Units without a label",
        "They may answer to what nobody named. A layer is not less readable because the dataset "
        "names little.",
    ),
    (
        "Boxes",
        "They hold background, too: IoU with boxes is not to be compared with IoU with masks, and "
        "not with published numbers for pixel-wise labels.",
    ),
    (
        "Large and small objects",
        "A region of a fixed share of all positions cannot match an object much larger or smaller. "
        "“Reachable” is the IoU of the unit whose area fits best, if it lay wholly within.",
    ),
    (
        "Chance",
        "The mean over all ways to give a unit's maps to other images: it knows how large the "
        "regions and objects are and where in a picture they tend to lie. A lucky unit among many "
        "exceeds it: the count “by chance” above is therefore of one shuffle, luck included.",
    ),
    (
        "Saturated and seldom active units",
        "Where a unit stands at its ceiling (that of a ReLU6, say) at more positions than the "
        "share, all of them are its region, and a ceiling reached in one cell alone may "
        "leave none. Where it is active at fewer, its region is all that is "
        "above its least value.",
    ),
    (
        "Whether the model uses it",
        "A unit that answers to an object need not take part in a prediction.",
    ),
    (
        "Where exactly",
        "Maps are enlarged from the layer's grid, with values at the centres of equal cells. Where "
        "receptive fields lie otherwise, a region is shifted.",
    ),
]


def how_made(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Terms and what is said of them.

    facts : content of dissection.json
    """
    images, (rows, cols) = facts["images"], facts["grid"]
    share = f"{100 * facts['top_share']:g} %"
    error = facts["threshold_error"]
    exact = f"too high by at most {100 * error:.1f} %" if error else "exact"
    drawn = "" if images["seen"] == images["audited"] else f" of {count(images['audited'])}"
    return [
        ("Layer", f"{facts['target_layer']}, {rows} × {cols} cells"),
        ("Images", f"{count(images['seen'])}{drawn}, {count(images['named'])} with named objects"),
        (
            "Threshold",
            f"each unit's own, exceeded at {share} of {plural(facts['positions'], 'position')}; "
            f"{exact}",
        ),
        (
            "Region",
            f"the map enlarged bilinearly to {facts['view']} × {facts['view']} pixels, at or above "
            "the threshold",
        ),
        (
            "IoU",
            "pixels in both over pixels in either, each summed over all images with named objects",
        ),
        ("Label", f"the object of the highest IoU, where that exceeds {magnitude(facts['iou'])}"),
        ("Objects", _sources(facts["sources"])),
        ("Source", "Bau et al. 2017, arXiv:1704.05796, section 2"),
    ]


def source_words(concept: ConceptFound) -> str:
    """Where an object's pixels came from."""
    if concept.mask_images and concept.box_images:
        return f"{count(concept.mask_images)} masks, {count(concept.box_images)} boxes"
    return "masks" if concept.mask_images else "boxes" if concept.box_images else "not in view"


def _sources(sources: dict[str, int]) -> str:
    words = [f"{count(n)} from {name}s" if name == "mask" else f"{count(n)} from boxes"
             for name, n in sources.items() if n]  # fmt: skip
    return ", ".join(words) + " (objects of one name in an image count once)"
