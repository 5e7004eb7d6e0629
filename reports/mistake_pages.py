"""The failure cases, a page at a time, and where to find those of a pair of classes."""

from collections import Counter
from dataclasses import dataclass

from reports.background.verdicts import VerdictMark
from reports.cases import Case
from reports.exemplars import MISTAKES_PER_PAIR
from reports.pairs import PAIRS_LISTED, Pair
from reports.site import Site

CASES_PER_PAGE = 24

PairKey = tuple[int, int]  # label, predicted


@dataclass(frozen=True)
class ShownPair:
    """A pair of classes among the cases shown.

    pages : page number -> how many of its cases stand there
    """

    label: int
    predicted: int
    label_name: str
    predicted_name: str
    pages: dict[int, int]

    @property
    def shown(self) -> int:
        return sum(self.pages.values())

    @property
    def key(self) -> str:
        return f"{self.label}-{self.predicted}"

    @property
    def href(self) -> str:
        return f"mistakes-{min(self.pages)}.html#pair={self.key}"

    @property
    def pages_text(self) -> str:
        """'1:3 2:1' for the script of the filter."""
        return " ".join(f"{page}:{cases}" for page, cases in sorted(self.pages.items()))


def find_shown_pairs(cases: list[Case]) -> dict[PairKey, ShownPair]:
    """The pairs of the cases, the most shown first.

    cases : in the order of the pages
    """
    pages: dict[PairKey, Counter[int]] = {}
    names: dict[PairKey, tuple[str, str]] = {}
    for position, case in enumerate(cases):
        key = (case.label, case.predicted)
        pages.setdefault(key, Counter())[1 + position // CASES_PER_PAGE] += 1
        names[key] = (case.label_name, case.predicted_name)
    pairs = [ShownPair(*key, *names[key], dict(count)) for key, count in pages.items()]
    ordered = sorted(pairs, key=lambda pair: (-pair.shown, pair.label, pair.predicted))
    return {(pair.label, pair.predicted): pair for pair in ordered}


def case_links(mistakes: list[int]) -> dict[int, str]:
    """Where each case stands, by image_id.

    mistakes : image ids in the order of the pages
    """
    return {
        image_id: f"mistakes-{1 + position // CASES_PER_PAGE}.html#case-{image_id}"
        for position, image_id in enumerate(mistakes)
    }


def write_mistake_pages(
    site: Site,
    cases: list[Case],
    shown: dict[PairKey, ShownPair],
    pairs: list[Pair],
    total: int,
    marks: dict[int, VerdictMark],
) -> None:
    """Write mistakes-1.html and on; none where there is no mistake.

    pairs : all confused pairs, the most frequent first
    total : mistakes in the audit, of which `cases` are shown
    marks : verdicts by image_id; empty where the audit has none
    """
    last = -(-len(cases) // CASES_PER_PAGE)
    totals = {(pair.label, pair.predicted): pair.rate.successes for pair in pairs}
    for number in range(1, last + 1):
        start = (number - 1) * CASES_PER_PAGE
        site.write(
            f"mistakes-{number}.html",
            "mistakes.html",
            cases=cases[start : start + CASES_PER_PAGE],
            number=number,
            last=last,
            start=start,
            shown=len(cases),
            total=total,
            per_pair=MISTAKES_PER_PAIR,
            pairs_listed=min(PAIRS_LISTED, len(pairs)),
            shown_pairs=list(shown.values()),
            totals=totals,
            marks=marks,
        )
