"""One image, changed in every way that was tried: what became of the answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reports.background.background_words import intervention_words
from reports.background.stored_background import StoredBackground, fetch_evidence, fetch_trails
from reports.background.verdicts import VerdictMark, verdict_marks
from reports.cases import Case
from reports.tables import AuditTables
from tasks.tables.background_schemas import INTERVENTIONS
from tasks.tables.storage import RunFolder

TAKEN_FOR = "on the background of an image taken for {}"  # where none is labelled with it
BAR_PERCENTILE = 95  # of the margins, at which a bar is full; larger ones are clipped


@dataclass(frozen=True)
class Plate:
    """A changed image.

    donor_id : image whose background was taken; -1 where none was
    src : path in the report; '' where no picture was kept
    predicted_name : the class that it was given
    outcome : same, against (the class that the prediction is held against) or other
    logit_predicted, logit_against : of the classes of the original
    """

    caption: str
    donor_id: int
    src: str
    predicted_name: str
    outcome: str
    logit_predicted: float
    logit_against: float

    @property
    def margin(self) -> float:
        return self.logit_predicted - self.logit_against


@dataclass(frozen=True)
class PlateGroup:
    """Changed images of one kind, side by side."""

    heading: str
    plates: list[Plate]


@dataclass(frozen=True)
class Strip:
    """against_name : the label of a mistake, else the runner-up
    numbers : the row of `verdicts`
    """

    case: Case
    mark: VerdictMark
    predicted_name: str
    against_name: str
    trail: list[str]
    numbers: dict[str, float]
    stratum: str
    source: str
    groups: list[PlateGroup]


def build_strips(
    tables: AuditTables, image_ids: list[int], cases: dict[int, Case], folder: Path
) -> list[Strip]:
    """Strips of tested images, in the order of `image_ids`; writes their pictures to `folder`.

    Raises: AuditError for a verdict or an intervention that the report has no words for.
    """
    stored = tables.background
    if stored is None or not image_ids:
        return []
    changed: dict[int, list[dict[str, Any]]] = {}
    for row in fetch_evidence(tables.run, image_ids):
        changed.setdefault(int(row["image_id"]), []).append(row)
    marks = verdict_marks(stored, image_ids, {})
    labels = _labels(tables, [row for rows in changed.values() for row in rows])
    return [
        _strip(tables, row, cases[image_id], marks[image_id], changed[image_id], labels, folder)
        for image_id, row in _verdict_rows(tables.run, stored, image_ids)
    ]


def margin_scale(strips: list[Strip]) -> float:
    """The margin at which a bar is full, logits, above 0: one scale for all strips."""
    margins = [strip.numbers["margin"] for strip in strips]
    margins += [
        plate.margin for strip in strips for group in strip.groups for plate in group.plates
    ]
    sizes = np.abs([margin for margin in margins if np.isfinite(margin)])
    scale = float(np.percentile(sizes, BAR_PERCENTILE)) if sizes.size else 0.0
    return scale if scale > 0 else 1.0


def _verdict_rows(
    run: RunFolder, stored: StoredBackground, image_ids: list[int]
) -> list[tuple[int, dict[Any, Any]]]:
    rows = stored.verdicts[stored.verdicts["image_id"].isin(image_ids)]
    sentences = fetch_trails(run, image_ids)
    trails = dict(
        zip(*(sentences[name].to_pylist() for name in ("image_id", "trail")), strict=True)
    )
    found = {
        int(row["image_id"]): {**row, "trail": trails.get(int(row["image_id"]), [])}
        for row in rows.to_dict("records")
    }
    return [(image_id, found[image_id]) for image_id in image_ids]


_NUMBERS = (
    "score", "lift", "inclusion", "margin", "shapley_object", "shapley_background", "gap",
    "placebo_gap", "turned", "held", "background_alone", "reliance",
)  # fmt: skip


def _strip(
    tables: AuditTables,
    row: dict[Any, Any],
    case: Case,
    mark: VerdictMark,
    changed: list[dict[str, Any]],
    labels: dict[int, int],
    folder: Path,
) -> Strip:
    against = int(row["against_idx"])
    names = tables.class_name(int(row["predicted"])), tables.class_name(against)
    return Strip(
        case=case,
        mark=mark,
        predicted_name=names[0],
        against_name=names[1],
        trail=row["trail"],
        numbers={name: float(row[name]) for name in _NUMBERS},
        stratum=str(row["stratum"]),
        source=str(row["object_source"]),
        groups=_groups(tables, changed, labels, int(row["predicted"]), against, folder),
    )


def _groups(
    tables: AuditTables,
    changed: list[dict[str, Any]],
    labels: dict[int, int],
    predicted: int,
    against: int,
    folder: Path,
) -> list[PlateGroup]:
    rank = {name: place for place, name in enumerate(INTERVENTIONS)}
    names = tables.class_name(predicted), tables.class_name(against)
    groups: dict[str, list[Plate]] = {}
    seen = [row for row in changed if row["intervention"] != "empty"]
    for row in sorted(seen, key=lambda r: (rank.get(r["intervention"], 99), r["draw"])):
        heading, caption = intervention_words(row["intervention"], *names)
        said = int(row["predicted"])
        lent_as = {"donor_predicted": predicted, "donor_against": against}.get(row["intervention"])
        if lent_as is not None and labels.get(int(row["donor_id"]), lent_as) != lent_as:
            caption = TAKEN_FOR.format(tables.class_name(lent_as))
        plate = Plate(
            caption=caption,
            donor_id=int(row["donor_id"]),
            src=_write_picture(folder, row),
            predicted_name=tables.class_name(said),
            outcome={predicted: "same", against: "against"}.get(said, "other"),
            logit_predicted=float(row["logit_predicted"]),
            logit_against=float(row["logit_against"]),
        )
        groups.setdefault(heading, []).append(plate)
    return [PlateGroup(heading, plates) for heading, plates in groups.items()]


def _labels(tables: AuditTables, changed: list[dict[str, Any]]) -> dict[int, int]:
    """Of the images that lent their backgrounds."""
    donors = tables.rows_of({row["donor_id"] for row in changed})
    return dict(zip(donors["image_id"].tolist(), donors["label"].tolist(), strict=True))


def changed_picture(row: dict[Any, Any]) -> str:
    """Path in the report of a changed image's picture.

    row : of `evidence`
    """
    return f"changed/{row['intervention']}-{row['draw']}/{row['image_id']}.jpg"


def _write_picture(folder: Path, row: dict[str, Any]) -> str:
    if not row["picture"]:
        return ""
    name = changed_picture(row)
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(row["picture"])
    return name
