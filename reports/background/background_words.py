"""What the verdicts, interventions and kinds of findings are called on a page."""

from dataclasses import dataclass

from tasks.errors import AuditError


@dataclass(frozen=True)
class VerdictWords:
    """mark : a sign that tells it apart without its colour
    tested, untested : what it says of an image that was, or was not, changed and run again
    """

    title: str
    mark: str
    tested: str
    untested: str


VERDICTS: dict[str, VerdictWords] = {
    "confirmed": VerdictWords(
        "Confirmed",
        "●",
        "On at least half of the backgrounds of other images the answer turns, a mistake right and "
        "a correct prediction wrong; or a mistake follows the background even without the object.",
        "",
    ),
    "suspected": VerdictWords(
        "Suspected",
        "◐",
        "",
        "More of the evidence lies on the background than on an even map. The image was not "
        "changed to test it.",
    ),
    "not_background": VerdictWords(
        "Not background",
        "○",
        "On no background of another image does the answer turn, and without the object the "
        "prediction does not stay.",
        "",
    ),
    "undetermined": VerdictWords(
        "Undetermined",
        "?",
        "The test does not settle it: too few or too many changes turn the answer, the object is "
        "a guess, or a global cue such as a colour cast is in play, which no mask separates.",
        "The image was not changed to test it, and what the map shows does not settle it.",
    ),
}

# intervention -> heading of its group in a strip, caption of one picture
INTERVENTIONS: dict[str, tuple[str, str]] = {
    "background_blurred": ("Background wiped", "background blurred"),
    "background_mean": ("Background wiped", "background in one colour"),
    "donor_predicted": ("Background of {predicted}", "on a background of {predicted}"),
    "donor_against": ("Background of {against}", "on a background of {against}"),
    "donor_other": ("Background of other classes", "on a background of another class"),
    "object_inpainted": ("Object removed", "object filled in"),
    "object_mean": ("Object removed", "object in one colour"),
    "colours_matched": ("Colours evened out", "average colour and contrast, all of it"),
}

KINDS: dict[str, str] = {
    "pair": "Confusion",
    "label": "Class, by label",
    "predicted": "Class, by prediction",
    "leaning": "Right predictions",
    "slice": "Slice",
    "tag": "Tag",
    "context": "Context",
}

SOURCES: dict[str, str] = {"mask": "mask", "box": "box", "proxy": "proxy", "none": "no object told"}

PROXY = (
    "Where an image has neither mask nor box, a region around the evidence for the label stands in "
    "for the object. It is a guess: where the model finds its evidence for the label on the "
    "background, the proxy covers background, and the test says less than with a mask."
)


def verdict_words(verdict: str) -> VerdictWords:
    """Raises: AuditError for a verdict that is not known here."""
    if verdict not in VERDICTS:
        raise AuditError(
            f"the report has no words for the verdict {verdict!r}; known are "
            f"{', '.join(VERDICTS)}. Add it to reports/background/background_words.py"
        )
    return VERDICTS[verdict]


def intervention_words(intervention: str, predicted: str, against: str) -> tuple[str, str]:
    """Heading of the group and caption of the picture.

    predicted, against : names of the two classes

    Raises: AuditError for an intervention that is not known here.
    """
    if intervention not in INTERVENTIONS:
        raise AuditError(
            f"the report has no words for the intervention {intervention!r}; known are "
            f"{', '.join(INTERVENTIONS)}. Add it to reports/background/background_words.py"
        )
    heading, caption = INTERVENTIONS[intervention]
    names = {"predicted": predicted, "against": against}
    return heading.format(**names), caption.format(**names)
