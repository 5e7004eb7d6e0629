"""What was taken for the object, guesses among it, and what maps that know nothing would score."""

import pandas as pd

from reports.background.background_words import PROXY
from reports.background.first_pass import Source, scores_by_source, source_counts
from reports.formats import count, percent, plural
from reports.limits import Statement
from reports.tables import AuditTables
from tasks.second_pass.plan import LARGEST_OBJECT, SMALLEST_OBJECT


def state_object_limits(tables: AuditTables) -> list[Statement]:
    """What was taken for the object, and what maps that know nothing would score."""
    stored = tables.background
    if stored is None:
        return []
    counts = source_counts(stored)
    told = "; ".join(
        f"{words} {count(counts[source].successes)}"
        for source, words in (
            ("mask", "from a mask"),
            ("box", "from boxes"),
            ("proxy", "a proxy"),
            ("none", "none"),
        )
    )
    images = plural(counts["none"].trials, "labelled image")
    statements = [
        ("Where the object came from", f"Of {images}: {told}. A box holds background, too."),
        ("Objects too large or too small to be tested", _untestable(tables.images)),
        *((_baseline(source)) for source in scores_by_source(tables.images)),
    ]
    if counts["proxy"].successes:
        shown = f"{percent(counts['proxy'].value)} of {images}. {PROXY}"
        statements.insert(1, ("Proxies for the object", shown))
    return statements


def _untestable(images: pd.DataFrame) -> str:
    area = images["object_area"].dropna()
    large, small = int((area > LARGEST_OBJECT).sum()), int((area < SMALLEST_OBJECT).sum())
    return (
        f"{count(large)} of {plural(len(area), 'image')} with an object have hardly any background "
        f"(the object covers more than {percent(LARGEST_OBJECT)} of the view), {count(small)} "
        f"hardly any object (less than {percent(SMALLEST_OBJECT)}). Shares of all mistakes take "
        "them to be like the tested ones."
    )


def _baseline(source: Source) -> Statement:
    model, *baselines = source.scores
    wrong = model.mistakes.count > 0
    own = model.mistakes if wrong else model.correct
    flat = ", ".join(
        f"{score.name.lower()} {percent((score.mistakes if wrong else score.correct).value)}"
        for score in baselines
    )
    names = {"mask": "with masks", "box": "with boxes", "proxy": "with proxies"}
    return (
        f"Baselines of the first pass, {names[source.source]}",
        f"Over {plural(own.count, 'mistake' if wrong else 'correct prediction')} the contrast has "
        f"{percent(own.value)} of its positive part on the background. Maps that know "
        f"nothing score: {flat}. A high score beside a high baseline says little.",
    )
