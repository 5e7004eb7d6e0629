"""How a concept was learned, in words."""

from typing import Any

from reports.formats import count, magnitude, plural

LIMITS = [
    (
        "Whether the model uses it",
        "A concept that can be read from the features need not take part in any prediction. Only "
        "changing the picture tells.",
    ),
    (
        "What was learned",
        "The SVM finds whatever sets these images apart, which may not be what their list was "
        "meant to say. Look at the maps and at the false positives.",
    ),
    (
        "The map's zero",
        "The cells of a map sum to the score less the bias. A common activation adds the same "
        "everywhere: compare places within a picture, and pictures with each other, not with zero "
        "alone.",
    ),
    (
        "Where exactly",
        "A cell answers to more of the picture than it covers. Where the receptive field is "
        "large, evidence from a background also lies in the cells of an object before it, and "
        "what a network makes of its padding lies along the border.",
    ),
    (
        "Other images",
        "The interval speaks of images like these. Near-equal copies were kept on one side; other "
        "ties between images (one film, one place) were not known.",
    ),
]


def how_made(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Terms and what is said of them.

    facts : content of concept.json
    """
    sides = facts["images"]
    rows = [
        ("Positives", str(facts["positives"])),
        ("Negatives", str(facts["negatives"] or "all other images")),
        ("Learned from", _sides(sides["train"])),
        ("Tested on", _sides(sides["held_out"])),
        ("Features", f"spatial means of the units of {facts['target_layer']}, scaled"),
        ("Classifier", f"linear SVM, C = {magnitude(facts['c'])}, classes of equal weight"),
        ("Hard negatives", _mining(facts)),
        ("Bias", magnitude(facts["bias"])),
        ("Interval", f"95 % percentile bootstrap over images, {count(facts['resamples'])} draws"),
        ("Seed", str(facts["seed"])),
    ]
    if facts["copies"]:
        rows.insert(4, ("Copies", f"{plural(facts['copies'], 'image')} nearly equal to another, "
                                  "kept on one side"))  # fmt: skip
    if facts["left_out"]:
        rows.insert(4, ("Without features", plural(facts["left_out"], "image")))
    return rows


def _sides(side: dict[str, int]) -> str:
    return f"{count(side['positive'])} positives, {count(side['negative'])} negatives"


def _mining(facts: dict[str, Any]) -> str:
    rounds, negatives = facts["rounds"], facts["images"]["train"]["negative"]
    last = rounds[-1]
    mining = (
        f"{plural(len(rounds), 'round')}, from {count(rounds[0]['negatives'])} negatives at random "
        f"to {count(last['negatives'])} of {count(negatives)}; "
    )
    mining += (
        "no other would change the border"
        if facts["converged"]
        else f"stopped with {count(last['violators'])} others inside the margin: give more --rounds"
    )
    return mining
