"""How objects were held against maps, in words."""

from typing import Any

from reports.formats import count

LIMITS = [
    (
        "Whether the class needs it",
        "A map that covers an object says where the evidence lies, not what happens without it. "
        "The audit's second pass changes pictures; this does not.",
    ),
    (
        "Objects side by side",
        "Where two objects stand together, the region that covers one covers the other. Compare "
        "how often each occurs.",
    ),
    (
        "Objects that never move",
        "Chance is told by the class's other maps: an object at the same place in every picture is "
        "covered by them, too, and shows no difference.",
    ),
    (
        "Intervals",
        "Wilson's, of the rate; what chance covers is taken as known. Of many objects, some leave "
        "zero out by luck: 1 of 40 on each side.",
    ),
    (
        "What has no name",
        "Only named objects take part. A background that nobody named is in no row.",
    ),
    ("Boxes", "They hold background, too, and are covered less easily than masks."),
]


def how_made(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Terms and what is said of them.

    facts : content of objects.json
    """
    images = facts["images"]
    used = f"{count(images['used'])} of {count(images['right'])} rightly predicted"
    if images["without_map"]:
        used += f", {count(images['without_map'])} left out without a map"
    named = [(facts["sources"]["mask"], "masks"), (facts["sources"]["box"], "boxes")]
    sources = " and ".join(f"{count(n)} from {name}" for n, name in named if n)
    return [
        ("Images", used),
        ("Map", f"{facts['method']} of the predicted class at {facts['target_layer']}"),
        (
            "Region",
            f"the map enlarged bilinearly, at or above {100 * facts['share']:g} % of its maximum, "
            "all parts of it",
        ),
        ("Overlapped", f"the region covers at least {100 * facts['covered']:g} % of the object"),
        (
            "By chance",
            "the same for regions of the same size, cut from the maps of up to "
            f"{count(facts['lenders'])} other images of the class; not known with fewer than "
            f"{facts['least_lenders']}",
        ),
        ("Order", "by the lower bound of the difference"),
        ("Intervals", "95 % Wilson"),
        ("Objects", f"{sources} (those of one name in an image count once)"),
        ("Seed", str(facts["seed"])),
        ("Source", "Zhou et al. 2016, arXiv:1512.04150, section 4.2"),
    ]
