"""A page for each class."""

from dataclasses import dataclass

from reports.background.patterns import Pattern
from reports.cases import Case
from reports.class_summaries import ClassSummary
from reports.exemplars import Exemplars
from reports.mistake_pages import PairKey, ShownPair
from reports.pairs import Pair
from reports.quantities import Rate
from reports.site import Site

CONFUSIONS_LISTED = 15


@dataclass(frozen=True)
class Confusion:
    """How often one class was taken for another.

    other : the class on the other side
    cases : path of the failure cases in the report; '' where none is shown
    """

    other: int
    other_name: str
    rate: Rate
    cases: str


def write_class_pages(
    site: Site,
    classes: dict[int, ClassSummary],
    pairs: list[Pair],
    exemplars: Exemplars,
    cases: dict[int, Case],
    shown: dict[PairKey, ShownPair],
    patterns: dict[int, list[Pattern]],
    with_page: set[int],
) -> None:
    """Begin classes/<class_idx>.html, each with links to its neighbours.

    patterns : clusters of explanations by class; empty where the audit has none
    with_page : classes that have a page of patterns
    """
    given_away, taken_in = _confusions(classes, pairs, shown)
    order = [None, *classes.values(), None]
    site.begin(
        "class.html",
        (
            (
                summary.href,
                {
                    "summary": summary,
                    "previous": previous,
                    "following": following,
                    "given_away": given_away.get(class_idx, []),
                    "taken_in": taken_in.get(class_idx, []),
                    "best": [cases[i] for i in exemplars.best.get(class_idx, [])],
                    "patterns": patterns.get(class_idx, []),
                    "has_patterns": class_idx in with_page,
                    "worst": [cases[i] for i in exemplars.worst.get(class_idx, [])],
                },
            )
            for (class_idx, summary), previous, following in zip(
                classes.items(), order[:-2], order[2:], strict=True
            )
        ),
        listed=CONFUSIONS_LISTED,
    )


def _confusions(
    classes: dict[int, ClassSummary], pairs: list[Pair], shown: dict[PairKey, ShownPair]
) -> tuple[dict[int, list[Confusion]], dict[int, list[Confusion]]]:
    """By class: what it was taken for, and what was taken for it."""
    given_away: dict[int, list[Confusion]] = {}
    taken_in: dict[int, list[Confusion]] = {}
    for pair in pairs:
        link = shown.get((pair.label, pair.predicted))
        href = link.href if link else ""
        to, of = classes[pair.predicted], classes[pair.label]
        away = Confusion(to.class_idx, to.name, pair.rate, href)
        share = Rate(pair.rate.successes, to.precision.trials)
        given_away.setdefault(pair.label, []).append(away)
        taken_in.setdefault(pair.predicted, []).append(
            Confusion(of.class_idx, of.name, share, href)
        )
    return given_away, taken_in
