"""The statements that the audit makes, the gravest first."""

from dataclasses import dataclass

import pandas as pd

from reports.background.background_words import KINDS
from reports.background.stored_background import StoredBackground
from reports.cases import Case
from reports.explorer.finding_links import finding_link
from reports.quantities import Estimate

FINDINGS_LISTED = 30
_DIFFERENCES = ("tag", "context")
_OF_FIRST_PASS = ("tag", "context", "slice")


@dataclass(frozen=True)
class Shown:
    """href : where the image is shown in full; '' where it is not"""

    case: Case
    href: str


@dataclass(frozen=True)
class Finding:
    """kind : in words
    role : of the map that its pictures show; '' for the image alone
    effect : what the statement is about: a share, or a difference of shares
    exemplars : images that it was read from
    images_href : the images that it is about, in the explorer; '' where no filter says which
    """

    rank: int
    kind: str
    role: str
    subject: str
    text: str
    effect: Estimate
    is_difference: bool
    q_value: float
    confirmed: bool
    exemplars: list[Shown]
    images_href: str


def stated_findings(stored: StoredBackground) -> pd.DataFrame:
    """Those that may be stated, the confirmed before the others, each by rank. Without a second
    pass only those that are found in the first: contexts, and slices with many mistakes."""
    found = stored.findings
    if not stored.second_pass:
        found = found[found["kind"].isin(_OF_FIRST_PASS)]
    found = found.assign(confirmed=found["confirmed"].eq(True))
    return found.sort_values(["confirmed", "rank"], ascending=[False, True])


def listed_findings(stored: StoredBackground) -> pd.DataFrame:
    """The first of them, which a page lists."""
    return stated_findings(stored).head(FINDINGS_LISTED)


def show_findings(
    stored: StoredBackground | None,
    exemplars: dict[int, list[int]],
    cases: dict[int, Case],
    links: dict[int, str],
) -> list[Finding]:
    """The listed findings; none where the audit has no table of them.

    exemplars : image ids by rank
    links : pages by image_id
    """
    if stored is None:
        return []
    return [
        Finding(
            rank=int(row["rank"]),
            kind=KINDS.get(row["kind"], str(row["kind"])),
            role="" if row["kind"] == "context" else "contrast",
            subject=_arrows(row["subject"]),
            text=_arrows(row["text"]),
            effect=Estimate(
                float(row["effect"]),
                float(row["low"]),
                float(row["high"]),
                int(row["tested"]),
                int(row["images"]),
            ),
            is_difference=row["kind"] in _DIFFERENCES,
            q_value=float(row["q_value"]),
            confirmed=bool(row["confirmed"]),
            exemplars=[Shown(cases[i], links.get(i, "")) for i in exemplars[int(row["rank"])]],
            images_href=finding_link(row),
        )
        for row in listed_findings(stored).to_dict("records")
    ]


def _arrows(stored: object) -> str:
    return str(stored).replace(" -> ", " → ")
