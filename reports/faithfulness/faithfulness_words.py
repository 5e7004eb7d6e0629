"""The measures of how good maps are, in words."""

from dataclasses import dataclass
from typing import Literal

from tasks.errors import AuditError

Unit = Literal["share", "probability"]


@dataclass(frozen=True)
class Measure:
    """unit : a share reads in percent, a (difference of) probability as a decimal number
    axis : what changes along its curve; '' where it has none
    family : key of FAMILIES
    """

    title: str
    unit: Unit
    family: str
    axis: str = ""


MEASURES: dict[str, Measure] = {
    "deletion_blur": Measure("Deletion, blur", "probability", "deletion", "pixels removed"),
    "deletion_mean": Measure("Deletion, mean", "probability", "deletion", "pixels removed"),
    "insertion_blur": Measure("Insertion, blur", "probability", "insertion", "pixels shown"),
    "insertion_mean": Measure("Insertion, mean", "probability", "insertion", "pixels shown"),
    "road": Measure("ROAD", "probability", "road"),
    "average_drop": Measure("Average drop", "share", "drop"),
    "average_increase": Measure("Average increase", "share", "drop"),
    "average_gain": Measure("Average gain", "share", "drop"),
    "object_energy": Measure("Energy on object", "share", "pointing"),
    "pointing_hit": Measure("Pointing game", "share", "pointing"),
}

FAMILIES: dict[str, tuple[str, str]] = {
    "deletion": (
        "Deletion",
        "Pixels are replaced in the order of the map, the highest first, by a blurred copy of the "
        "image or by its mean colour. The number is the area under the curve of the class's "
        "probability. A map that knows what the class rests on makes it fall early: lower is "
        "better. It rewards finding something without which the class is lost, not all of the "
        "evidence.",
    ),
    "insertion": (
        "Insertion",
        "The same, the other way: pixels of the image come back into its blurred copy or into its "
        "mean colour. A good map makes the probability rise early: higher is better. Where the "
        "class is still recognised in the blurred copy, all methods start high and differ little.",
    ),
    "road": (
        "ROAD",
        "Pixels are replaced by the weighted mean of their neighbours with a little noise, which "
        "hides the outline of what was removed. The number is half of the probability with the "
        "least relevant pixels removed, less that with the most relevant removed, averaged over "
        "10 % to 90 % of the pixels. Zero is expected of a map that knows nothing.",
    ),
    "drop": (
        "Average drop, increase and gain",
        "The image is multiplied with the map, scaled to [0, 1]. Drop is the share of the class's "
        "probability that is lost, increase the share of images where it rises, gain the share of "
        "what was missing to certainty that is won. A map that covers everything loses nothing, "
        "so a low drop alone proves no map: read it beside the baselines.",
    ),
    "pointing": (
        "Energy on object, pointing game",
        "The share of the map that lies on the object, and the share of images where its maximum "
        "does (tolerance 0). They compare the map with what people marked, not with what the "
        "model uses: where a model relies on the background, the true map scores low.",
    ),
}

LIMITS: list[tuple[str, str]] = [
    (
        "Changed images are unlike any that the model has seen",
        "A probability may fall because evidence is gone or because the picture has become "
        "strange; every measure that changes the image mixes both. Compare methods with each other "
        "and with the baselines, on the same images, never with a number from elsewhere.",
    ),
    (
        "Every fill is a cue",
        "Black patches are shapes that a model may know a class by, so no pixel is made black "
        "here. Blur keeps colours and large shapes, mean colour leaves the outline of what was "
        "removed. Trust an order of methods that holds for both fills and for ROAD.",
    ),
    (
        "A measure may be what a method optimises",
        "Methods that mask the image to find their map do by construction well where the image "
        "is masked with the map.",
    ),
    (
        "Ties",
        "Marked are the best mean and all methods whose paired difference to it has a 95 % "
        "interval that holds zero. The intervals are not corrected for the number of methods: of "
        "many that are equally good, some are left out by chance.",
    ),
    (
        "Pixels of equal value",
        "An empty part of a map says nothing about the order of its pixels; they are taken in "
        "reading order, from the top left, in every method alike.",
    ),
]


def words_of(measure: str) -> Measure:
    """Raises: AuditError for a measure that is not known here."""
    if measure not in MEASURES:
        raise AuditError(
            f"the report has no words for the measure {measure!r}; known are "
            f"{', '.join(MEASURES)}. Add it to reports/faithfulness/faithfulness_words.py"
        )
    return MEASURES[measure]
