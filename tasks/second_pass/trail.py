"""The evidence behind a verdict, in words."""

from typing import Any

import pandas as pd


def trails(table: pd.DataFrame) -> list[list[str]]:
    """For each image what was seen, the first pass first.

    table : columns of VERDICT_TABLE without `trail`, and those of `measure`
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
    score = f"{100 * row['score']:.0f} %" if row["score"] == row["score"] else "An unknown share"
    return (
        f"{score} of what speaks for the prediction lies outside {what[row['object_source']]}"
        f"{_lift(row['lift'])}."
    )


def _lift(lift: float) -> str:
    return f" ({lift:.2f} times what an even map would have there)" if lift == lift else ""


def _second_pass(row: dict[Any, Any]) -> list[str]:
    answer = "wrong" if row["correct"] else "right"
    other = 1 - row["right_replaced"] if row["correct"] else row["right_replaced"]
    said = [
        f"On {_of(other, row['donors'])} backgrounds of other images the answer is {answer}.",
        f"Blurred, averaged or of another class, {_of(row['held'], row['others'])} backgrounds "
        "leave the prediction as it is.",
        f"With the object removed in two ways the prediction stays in "
        f"{_of(row['background_alone'], 2)}.",
        f"Of the margin, {_logits(row['shapley_object'])} logits go to the object and "
        f"{_logits(row['shapley_background'])} to the background (Shapley).",
    ]
    if not row["correct"] and row["held"] == 0 and other == 0:
        said.append(
            "The prediction goes with the background, but the right answer comes on none: what "
            "was seen outside the object misled the model, or too little is left without it."
        )
    if row["object_source"] == "proxy":
        said.append(
            "The object is a guess, which may hold background: what follows it is not therefore "
            "the object's."
        )
    if row["gap"] == row["gap"]:
        said.append(
            f"On backgrounds of the predicted class its probability differs by "
            f"{_signed(row['gap'], 2)} from that on those of the other class."
        )
    else:
        said.append("One of the two classes has no background to lend, so there is no gap.")
    if row["colours_turned"]:
        said.append(
            f"It also turns {answer} when only the colours of the whole image are evened out: a "
            "cast of colour or light may be the cue, which no mask can separate."
        )
    return said


def _of(share: float, number: float) -> str:
    return f"{round(share * number)} of {number:.0f}"


def _logits(number: float) -> str:
    return _signed(number, 1)


def _signed(number: float, digits: int) -> str:
    """With a true minus; no sign before a number that is zero as printed."""
    text = f"{number:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "\u2212")
