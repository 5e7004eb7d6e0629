"""What views and classifiers are called, and how the numbers were made."""

from typing import Any

from reports.formats import count, magnitude, plural

VIEW_WORDS = {
    "full": "Whole image",
    "map_box": "Cropped by the map",
    "true_box": "Cropped by the true box",
}

LIMITS = (
    (
        "The head has seen more",
        "The model's head was trained on its own dataset, the others on the images audited here. "
        "Where the two datasets differ, so do the tasks.",
    ),
    (
        "These classes alone",
        "Among few classes a head is right more often than among all of its own. Compare the "
        "linear classifiers with the head of the same classes.",
    ),
    (
        "Few images",
        "An interval that holds zero says that this many images cannot tell the two apart, not "
        "that they are equal. Intervals and tests are not corrected for their number.",
    ),
    (
        "The crop",
        "A crop shows the object larger and its surroundings less. What is gained may be detail "
        "that was too small, what is lost may be context that helped, rightly or wrongly.",
    ),
    (
        "The map's box",
        "It is cut around the predicted class's map at 20 % of its maximum, so a wrong prediction "
        "can lead to the wrong place. Maps are coarse: the box is never finer than their cells.",
    ),
)


def classifier_words(classifier: str, known: int, all_classes: int) -> str:
    """A classifier in a table.

    known, all_classes : classes of the labels, and of the model
    """
    return {
        "head": f"Model's head, all {all_classes:,} classes",
        "head_known": f"Model's head, these {known:,} classes",
        "linear_svm": "Linear SVM on the features",
        "logistic": "Logistic regression on the features",
    }[classifier]


def how_made(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Terms and what is said of them.

    facts : content of representation.json
    """
    images = plural(facts["images"], "image")
    rows = [
        ("Features", f"spatial means of the units of {facts['target_layer']}, scaled"),
        ("Images", f"{images} of {plural(facts['classes'], 'class', 'classes')}, "
                   f"of {count(facts['labelled'])} with a label"),
        ("Folds", f"{facts['folds']}, stratified; each image answered by what has not seen it"),
        ("Classifiers", f"C = {magnitude(facts['c'])}"),
        ("Intervals", "95 %: Wilson's for an accuracy, paired bootstrap over images for a "
                      "difference"),
        ("Test", "McNemar's, exact, two-sided"),
        ("Seed", str(facts["seed"])),
    ]  # fmt: skip
    if facts["crops"]:
        box = f"{facts['method']} of the predicted class, 20 % of its maximum, largest part"
        rows.insert(3, ("Map's box", box))
        rows.insert(4, ("Crop", "the square of the box's longer side, from the image itself"))
    left_out = (
        ("rare", "of classes with too few images"),
        ("without_object", "without a true box, or too few of their class with one"),
        ("unreadable", "that can no longer be read"),
    )
    rows += [("Left out", f"{plural(facts[key], 'image')} {why}")
             for key, why in left_out if facts[key]]  # fmt: skip
    if facts["without_map"]:
        rows.append(("Not cropped", f"{plural(facts['without_map'], 'image')} without a map"))
    if facts["changed"]:
        changed = f"{plural(facts['changed'], 'image')}: other features than the audit stored"
        rows.append(("Changed since", changed))
    return rows
