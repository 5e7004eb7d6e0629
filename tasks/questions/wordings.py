"""How a question is put: several wordings each, so that no single word gives its kind away."""

from tasks.questions.subjects import LABEL

_OPEN_LABEL = (
    "what is this?", "what is shown here?", "which object is this?", "what do you see?",
)  # fmt: skip
_OPEN_TAG = (
    "what is the {tag}?", "which {tag} is this?", "which {tag} do you see?", "name the {tag}",
)  # fmt: skip
_ASKED_LABEL = (
    "is this {a_value}?", "is there {a_value}?", "does it show {a_value}?", "do you see {a_value}?",
)  # fmt: skip
_ASKED_TAG = (
    "is the {tag} {value}?", "is {value} the {tag}?", "do you see {value} as the {tag}?",
)  # fmt: skip


def open_wordings(subject: str) -> list[str]:
    """Questions for the value of a subject."""
    wordings = _OPEN_LABEL if subject == LABEL else _OPEN_TAG
    return [wording.format(tag=_plain(subject)) for wording in wordings]


def asked_wordings(subject: str, value: str) -> list[str]:
    """Questions whether the subject has this value."""
    plain = _plain(value)
    article = "an" if plain[:1].lower() in tuple("aeiou") else "a"
    words = {"tag": _plain(subject), "value": plain, "a_value": f"{article} {plain}"}
    wordings = _ASKED_LABEL if subject == LABEL else _ASKED_TAG
    return [wording.format(**words) for wording in wordings]


def _plain(name: str) -> str:
    return name.replace("_", " ").strip()
