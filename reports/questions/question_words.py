"""How answers were learned, and what they cannot tell, in words."""

from typing import Any

from reports.formats import count, magnitude, plural
from tasks.questions.question import YES_OR_NO

LIMITS = (
    (
        "What the model can do",
        "It adds up: words choose among answers, the image adds its own. It cannot match a word "
        "with a part of the picture, so it cannot tell whether what is asked for is there.",
    ),
    (
        "What the audited classifier uses",
        "The answers are read from its features by a model of their own. That a background can be "
        "read from them does not say that the classifier uses it.",
    ),
    (
        "The map's zero",
        "Only differences between answers count: a map is evidence for its answer against the mean "
        "of all answers, those to other questions among them.",
    ),
    (
        "Activations are strong on objects",
        "Many layers answer more to objects than to what is behind them, whatever is asked. Hold "
        "the kinds of questions against each other, not against the area alone.",
    ),
    (
        "Where exactly",
        "A cell answers to more of the picture than it covers, and what lies behind an object also "
        "shows in the cells of the object where the receptive field is large.",
    ),
    (
        "What the manifest does not know",
        "A label names one thing. An image may show more, and the answer no then says that this is "
        "not its label.",
    ),
)


def how_made(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Terms and what is said of them.

    facts : content of vqa.json
    """
    rows = [
        ("Questions", str(facts["questions"] or "from the manifest's labels and tags")),
        ("Learned from", _side(facts["train"])),
        ("Tested on", _side(facts["held_out"])),
        ("Words", f"{plural(len(facts['words']), 'word')}, counted"),
        ("Image", f"spatial means of the units of {facts['target_layer']}, scaled"),
        ("Answers", _some(facts["answers"])),
        ("Classifier", f"one softmax layer (iBOWIMG), C = {magnitude(facts['c'])}"),
        (
            "Intervals",
            f"95 % percentile bootstrap over images, {count(facts['resamples'])} draws, each image "
            "with all of its questions",
        ),
        ("Seed", str(facts["seed"])),
    ]
    return [rows[0], *_left_out(facts), *rows[1:], *_remarks(facts)]


def _left_out(facts: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    asked = facts["train"]["images"] + facts["held_out"]["images"]
    if asked < facts["audited"]:
        rows.append(("Images", f"{count(asked)} of {count(facts['audited'])}"))
    if facts["not_asked"]:
        told = "; ".join(f"{name} ({reason})" for name, reason in facts["not_asked"].items())
        rows.append(("Nothing asked about", told))
    if facts["without_features"]:
        questions = plural(facts["without_features"], "question")
        rows.append(("Left out", f"{questions} about images without features"))
    return rows


def _remarks(facts: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    if facts["copies"]:
        copies = plural(facts["copies"], "image")
        rows.append(("Copies", f"{copies} nearly equal to another, kept on one side"))
    if not facts["converged"]:
        rows.append(("Solver", "stopped before its tolerance was reached: give a smaller --c"))
    return rows


def kind_name(kind: str) -> str:
    """A kind of question at the head of a row."""
    plain = kind.replace("_", " ")
    return plain[:1].upper() + plain[1:] or "All questions"


def is_yes_or_no(kind: str) -> bool:
    return kind.endswith(YES_OR_NO)


def _side(side: dict[str, int]) -> str:
    return f"{plural(side['questions'], 'question')} about {plural(side['images'], 'image')}"


def _some(names: list[str], shown: int = 24) -> str:
    more = f" and {count(len(names) - shown)} more" if len(names) > shown else ""
    return f"{plural(len(names), 'answer')}: {', '.join(names[:shown])}{more}"
