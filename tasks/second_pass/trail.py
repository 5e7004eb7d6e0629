"""The evidence behind a verdict, in words."""

from typing import Any

import pandas as pd

from tasks.second_pass.donors import DONORS_PER_KIND, OTHER_DONORS


def trails(table: pd.DataFrame) -> list[list[str]]:
    """For each image what was seen, the first pass first.

    table : columns of VERDICT_TABLE without `trail`
    """
    return [_trail(row) for row in table.to_dict("records")]


def _trail(row: dict[Any, Any]) -> list[str]:
    said = [_first_pass(row)]
    if not isinstance(row["stratum"], str):
        return [*said, "Not tested in the second pass."]
    if row["right_replaced"] != row["right_replaced"]:
        return [*said, "No other image had a background to lend."]
    return [*said, *_second_pass(row)]


def _first_pass(row: dict[Any, Any]) -> str:
    if not isinstance(row["object_source"], str):
        return "The object is not known, so neither is the background."
    what = {"mask": "the mask", "box": "the box", "proxy": "a proxy of the object"}
    score = f"{row['score']:.0%}" if row["score"] == row["score"] else "An unknown share"
    return (
        f"{score} of what speaks for the prediction lies outside {what[row['object_source']]}"
        f"{_lift(row['lift'])}."
    )


def _lift(lift: float) -> str:
    return f" ({lift:.2f} times what an even map would have there)" if lift == lift else ""


def _second_pass(row: dict[Any, Any]) -> list[str]:
    donors = 2 * DONORS_PER_KIND + OTHER_DONORS
    answer = "wrong" if row["correct"] else "right"
    other = 1 - row["right_replaced"] if row["correct"] else row["right_replaced"]
    said = [
        f"On {other:.0%} of up to {donors} backgrounds of other images the answer is {answer}.",
        f"Blurred, averaged or of another class, {row['held']:.0%} of the backgrounds leave the "
        "prediction as it is.",
        f"With the object removed in two ways the prediction stays in {row['background_alone']:.0%}"
        " of them.",
        f"Of the margin, {row['shapley_object']:+.2f} logits go to the object and "
        f"{row['shapley_background']:+.2f} to the background (Shapley).",
    ]
    if row["gap"] == row["gap"]:
        said.append(
            f"On backgrounds of the predicted class its probability is {row['gap']:+.2f} against "
            "those of the other class."
        )
    if row["colours_turned"]:
        said.append(
            f"It also turns {answer} when only the colours of the whole image are evened out: a "
            "cast of colour or light may be the cue, which no mask can separate."
        )
    return said
