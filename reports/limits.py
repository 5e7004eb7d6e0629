"""What the audit cannot see, with the numbers that say how much."""

import pandas as pd

from reports.formats import count, percent, plural
from reports.headlines import Headlines
from reports.tables import AuditTables
from tasks.images.geometry import place
from tasks.tables.schemas import SHARD_STAGE

Statement = tuple[str, str]  # what, and what follows from it


def state_limits(tables: AuditTables, figures: Headlines) -> list[Statement]:
    """Statements about images and maps, the gravest first; the overview shows the first few."""
    resize, crop = tables.crop
    hidden = hidden_share(tables.images, resize, crop)
    audited = len(tables.images)
    return [
        (
            "Evidence is not reliance",
            "A map shows where the evidence for a class was found, not what the decision depends "
            f"on. {_reliance(tables)}",
        ),
        ("Images not audited", _unread(tables)),
        ("Maps without evidence", _empty(figures)),
        (
            "The border that the crop removes",
            f"The model sees the central {crop} × {crop} pixels of an image whose shorter side is "
            f"{resize}. On average {percent(hidden)} of an image's area lies outside and "
            f"appears in no map (mean over {plural(audited, 'image')}).",
        ),
        ("Coarse maps", _coarse(tables)),
        ("Energy on the object needs a baseline", _baseline(tables, figures)),
        ("Images without a label", _unlabelled(tables)),
    ]


def _reliance(tables: AuditTables) -> str:
    stored = tables.background
    if stored is None or not stored.second_pass:
        return (
            "No second pass was run: no image was changed to see whether the prediction changes "
            "with it, so nothing here is a statement about causes."
        )
    return (
        f"A second pass changed {count(len(stored.tested))} of "
        f"{plural(len(stored.verdicts), 'labelled image')} and ran them again: only these were "
        "tested, and only shares estimated from them speak of causes."
    )


def hidden_share(images: pd.DataFrame, resize: int, crop: int) -> float:
    """Mean share of an image's area outside the model's view, in [0, 1]; NaN without images."""
    sizes = images.groupby(["width", "height"]).size()
    if not len(sizes):
        return float("nan")
    hidden = 0.0
    for (width, height), images in sizes.items():
        placed = place(int(width), int(height), resize, crop)
        hidden += images * (1 - crop**2 / (placed.resized_width * placed.resized_height))
    return float(hidden / sizes.sum())


def incomplete_words(tables: AuditTables) -> str:
    """That shards failed as a whole; '' where none did."""
    failed = int((tables.failures["stage"] == SHARD_STAGE).sum())
    left_out = [f"{plural(failed, 'image')} could not be audited"] if failed else []
    facts = tables.background.facts if tables.background is not None else {}
    if untested := sum(shard["images"] for shard in facts.get("failed_shards", ())):
        left_out.append(f"{plural(untested, 'image')} of the second pass could not be tested")
    if not left_out:
        return ""
    return (
        f"Incomplete: {' and '.join(left_out)}, because whole shards failed. The same command "
        "tries them again."
    )


def _unread(tables: AuditTables) -> str:
    unread, audited = len(tables.unread), len(tables.images)
    masks = len(tables.failures) - unread
    text = (
        f"{count(unread)} of {plural(audited + unread, 'image')} could not be audited. They are "
        "in no other number, and nothing says that they are like the rest."
        if unread
        else f"None: all {plural(audited, 'image')} were audited."
    )
    if not masks:
        return text
    return f"{text} {plural(masks, 'mask')} could not be used; those images were audited without."


def _empty(figures: Headlines) -> str:
    maps = plural(figures.empty.trials, "map")
    return (
        f"Of {maps} of the predicted class, {count(figures.empty.successes)} without positive "
        f"evidence and {count(figures.not_finite.successes)} not finite. They are counted and "
        "never drawn; the method has nothing to say about those predictions."
    )


def _coarse(tables: AuditTables) -> str:
    rows, cols = tables.grid
    if not rows * cols:
        return "A map has the grid of the target layer and is smoothed when it is drawn."
    _, crop = tables.crop
    return (
        f"A map has {rows} × {cols} cells, each {crop / rows:.0f} × {crop / cols:.0f} pixels of "
        "the model's view. It is smoothed when it is drawn, so a sharp edge in a picture is not "
        "one in the evidence, and a detail smaller than a cell cannot be told apart."
    )


def _baseline(tables: AuditTables, figures: Headlines) -> str:
    if not figures.object_energy.count:
        return (
            "No label's map has a mask or box to compare it with. Whether a map lies on the object "
            "is to be seen in the pictures and is in no number."
        )
    without = len(tables.images) - figures.object_energy.count
    return (
        "A map spread evenly over the view already scores the object's area, and a map drawn to "
        "the centre scores more where objects are centred. Read energy beside the area. "
        f"{plural(without, 'image')} without a usable mask or box, or without a map for the "
        "label, are left out."
    )


def _unlabelled(tables: AuditTables) -> str:
    without = len(tables.images) - tables.labelled
    if not without:
        return "None: every audited image has a label. A wrong label is counted as a mistake."
    return (
        f"{count(without)} of {plural(len(tables.images), 'image')} have no known label and "
        "are in no accuracy, confusion or mistake."
    )
