"""What was found of single images, and how many of each verdict there are."""

from dataclasses import dataclass

from reports.background.background_words import VERDICTS, VerdictWords, verdict_words
from reports.background.stored_background import StoredBackground


@dataclass(frozen=True)
class VerdictMark:
    """The verdict on one image.

    tested : whether the image was changed and run again; else the first pass speaks alone
    proxy : whether a guess stood in for the object
    href : its strip; '' where none is shown
    """

    verdict: str
    words: VerdictWords
    tested: bool
    proxy: bool
    href: str


@dataclass(frozen=True)
class VerdictCount:
    """Images with one verdict: counts, not estimates, since tested images are not drawn evenly."""

    verdict: str
    words: VerdictWords
    mistakes_tested: int
    mistakes_untested: int
    correct_tested: int
    correct_untested: int


def verdict_marks(
    stored: StoredBackground | None, image_ids: list[int], links: dict[int, str]
) -> dict[int, VerdictMark]:
    """Verdicts of those of the images that have one.

    links : strips by image_id
    """
    if stored is None:
        return {}
    rows = stored.verdicts[stored.verdicts["image_id"].isin(image_ids)]
    return {
        int(row["image_id"]): VerdictMark(
            verdict=str(row["verdict"]),
            words=verdict_words(str(row["verdict"])),
            tested=isinstance(row["stratum"], str),
            proxy=row["object_source"] == "proxy",
            href=links.get(int(row["image_id"]), ""),
        )
        for row in rows.to_dict("records")
    }


def count_verdicts(stored: StoredBackground) -> list[VerdictCount]:
    """One row per verdict, in the order of VERDICTS.

    Raises: AuditError for a verdict that the report has no words for.
    """
    for verdict in stored.verdicts["verdict"].unique():
        verdict_words(str(verdict))
    rows = stored.verdicts
    tested, right = rows["stratum"].notna(), rows["correct"].eq(True)
    counts = rows.groupby(["verdict", tested, right], observed=True).size().to_dict()
    return [
        VerdictCount(
            verdict=verdict,
            words=words,
            mistakes_tested=counts.get((verdict, True, False), 0),
            mistakes_untested=counts.get((verdict, False, False), 0),
            correct_tested=counts.get((verdict, True, True), 0),
            correct_untested=counts.get((verdict, False, True), 0),
        )
        for verdict, words in VERDICTS.items()
    ]
