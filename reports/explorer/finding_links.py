"""The images that a finding is about."""

from typing import Any

from reports.explorer.links import images_link

_ARROW = " -> "


def finding_link(row: dict[Any, Any]) -> str:
    """Where the images stand that a row of `findings` counts, or the nearest set to them that
    filters can say; '' for a kind that is not known here.

    Tags and contexts are about images of other classes taken for one: the link leads to these.
    """
    label, predicted, subject = int(row["label"]), int(row["predicted"]), str(row["subject"])
    match row["kind"]:
        case "pair":
            return images_link(label=label, predicted=predicted, answer="mistake")
        case "label":
            return images_link(label=label, answer="mistake")
        case "predicted":
            return images_link(predicted=predicted, answer="mistake")
        case "leaning":
            return images_link(label=label, answer="right")
        case "slice":
            return images_link(answer="mistake", tags=_tag(subject))
        case "tag":
            tag = subject.rpartition(_ARROW)[0]
            return images_link(predicted=predicted, answer="mistake", tags=_tag(tag))
        case "context":
            cluster = subject.partition(_ARROW)[0].removeprefix("context ")
            return images_link(predicted=predicted, answer="mistake", context=cluster)
    return ""


def _tag(subject: str) -> dict[str, str]:
    name, _, value = subject.partition(" = ")
    return {name: value}
