"""Why an audit has no second pass."""

from reports.background.stored_background import StoredBackground
from reports.formats import count, decimal, plural
from tasks.second_pass.plan import FORWARDS_PER_IMAGE


def why_untested(stored: StoredBackground) -> str:
    """A sentence for an audit in which no image was changed and run again."""
    images = len(stored.verdicts)
    if not stored.budget:
        return "it was switched off."
    if int(stored.budget * images) <= FORWARDS_PER_IMAGE:
        return (
            f"{decimal(stored.budget)} forwards for each of {plural(images, 'labelled image')} do "
            f"not pay for one test, which takes {count(FORWARDS_PER_IMAGE + 1)}."
        )
    return "no image had an object and a background that could be told apart."
