"""From the rows of `evidence` to numbers for each tested image."""

import numpy as np
import pandas as pd

NEUTRAL = ("background_blurred", "background_mean")
DONORS = ("donor_predicted", "donor_against", "donor_other")
OTHERS = (*NEUTRAL, "donor_against", "donor_other")  # not of the predicted class
REMOVED = ("object_inpainted", "object_mean")

_COALITIONS = {"object": NEUTRAL, "background": REMOVED, "empty": ("empty",)}


def measure(candidates: pd.DataFrame, evidence: pd.DataFrame) -> pd.DataFrame:
    """The columns of `verdicts` that the second pass gives, one row per tested image.

    candidates : columns of `read_candidates`
    evidence : columns of schema EVIDENCE, without the pictures

    Returns: image_id, shapley_object, shapley_background, gap, placebo_gap, turned, held,
    right_replaced, background_alone, colours_turned, reliance, NaN where there was no donor; and
    for the trail how many of the changes are meant: `donors`, `others` (of `held`).
    """
    rows = evidence.merge(candidates, on="image_id", suffixes=("_now", ""), validate="many_to_one")
    rows = rows.assign(
        value=rows["logit_predicted"] - rows["logit_against"],
        stays=rows["predicted_now"] == rows["predicted"],
        turns=rows["predicted_now"] == rows["against_idx"],
        right=rows["predicted_now"] == rows["label"],
        p_label=np.where(
            rows["correct"], rows["probability_predicted"], rows["probability_against"]
        ),
    )
    first = rows.groupby("image_id")[["margin", "correct"]].first()
    p_predicted = _mean(rows, ("donor_predicted",), "probability_predicted")
    columns = {
        **_shapley(rows, first["margin"]),
        "gap": p_predicted - _mean(rows, ("donor_against",), "probability_predicted"),
        "placebo_gap": _spread(rows),
        "turned": _mean(rows, ("donor_against",), "turns"),
        "held": _mean(rows, OTHERS, "stays"),
        "right_replaced": _mean(rows, DONORS, "right"),
        "background_alone": _mean(rows, REMOVED, "stays"),
        "colours_turned": (_mean(rows, ("colours_matched",), "right") > 0) != first["correct"],
        "reliance": _reliance(rows, first),
        "donors": _number(rows, DONORS),
        "others": _number(rows, OTHERS),
    }
    return pd.DataFrame(columns, index=first.index).reset_index()


def _shapley(rows: pd.DataFrame, margin: pd.Series) -> dict[str, pd.Series]:
    """The margin's two-player split (eq. 1 of Shapley 1953): the two parts sum to it, less the
    margin of the empty image."""
    value = {name: _mean(rows, kinds, "value") for name, kinds in _COALITIONS.items()}
    whole = margin - value["empty"]
    difference = value["object"] - value["background"]
    return {
        "shapley_object": (whole + difference) / 2,
        "shapley_background": (whole - difference) / 2,
    }


def _reliance(rows: pd.DataFrame, first: pd.DataFrame) -> pd.Series:
    """Probability of the other answer: of the label for a mistake, of any other class for a
    correct prediction; mean over all other backgrounds, lent, blurred and plain."""
    lent = _number(rows, DONORS).reindex(first.index) > 0
    p_label = _mean(rows, (*DONORS, *NEUTRAL), "p_label").reindex(first.index).where(lent)
    return p_label.where(~first["correct"], 1 - p_label)


def _mean(rows: pd.DataFrame, kinds: tuple[str, ...], column: str) -> pd.Series:
    chosen = rows[rows["intervention"].isin(kinds)]
    return chosen.groupby("image_id")[column].mean()


def _number(rows: pd.DataFrame, kinds: tuple[str, ...]) -> pd.Series:
    return rows["intervention"].isin(kinds).groupby(rows["image_id"]).sum()


def _spread(rows: pd.DataFrame) -> pd.Series:
    """How far P(predicted) differs between donors of one class, the larger of the two classes."""
    donors = rows[rows["intervention"].isin(("donor_predicted", "donor_against"))]
    by_class = donors.groupby(["image_id", "intervention"])["probability_predicted"]
    return (by_class.max() - by_class.min()).groupby("image_id").max()
