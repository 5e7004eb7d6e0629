"""A statement about a group of images, as it stands before it is held against all others."""

from dataclasses import dataclass

import pandas as pd

MOST_EXEMPLARS = 8


@dataclass(frozen=True)
class Statement:
    """What FINDINGS says of one group; the columns of the same names have their meanings.

    large : the effect is above its floor
    concerned : images that it is about, by estimate; what statements of one standing rank by
    main_pair : (label, predicted) that holds nearly all of those; None: no pair does
    listed : False for one that is tested but not told, because a graver one of its kind is
    """

    kind: str
    label: int
    predicted: int
    subject: str
    effect: float
    low: float
    high: float
    images: int
    tested: int
    p_value: float
    large: bool
    concerned: float
    text: str
    exemplars: list[int]
    main_pair: tuple[int, int] | None = None
    listed: bool = True


def exemplars(images: pd.DataFrame, *, confirmed_only: bool = True) -> list[int]:
    """Up to MOST_EXEMPLARS image ids: confirmed verdicts first, then by reliance, then by id."""
    chosen = images.assign(other=images["verdict"] != "confirmed")
    if confirmed_only:
        chosen = chosen[~chosen["other"]]
    ordered = chosen.sort_values(
        ["other", "reliance", "image_id"], ascending=[True, False, True], na_position="last"
    )
    return [int(image) for image in ordered["image_id"].head(MOST_EXEMPLARS)]
