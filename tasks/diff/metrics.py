"""The quantities that are compared and limited."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["rate", "mean", "sampled"]


@dataclass(frozen=True)
class Metric:
    """kind : rate, of images that hit; mean, over images; sampled, a share estimated from the
        images of the second pass
    column : of `RunImages.images`
    of : which labelled images it is about: all, mistakes, correct
    groups : by which it is told
    better : which direction is better
    floor : the smallest difference that is called a change
    title : at the head of a column; meaning : in words
    """

    name: str
    kind: Kind
    column: str
    of: Literal["all", "mistakes", "correct"]
    groups: tuple[str, ...]
    better: Literal["higher", "lower"]
    floor: float
    title: str
    meaning: str


_BY_CLASS = ("all", "class", "slice")

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "rate", "correct", "all", _BY_CLASS, "higher", 0.02, "Accuracy",
               "labelled images that are predicted as their label"),
        Metric("confusion", "rate", "correct", "all", ("pair",), "lower", 0.02, "Confusion",
               "images of the label that are taken for the other class"),
        Metric("object_energy", "mean", "object_energy", "all", ("all", "class", "pair"), "higher",
               0.05, "Object energy", "share of the label's map on the object, mean over images"),
        Metric("background_score", "mean", "background_score", "all", ("all", "class", "pair"),
               "lower", 0.05, "Background score",
               "share of the contrast's positive part on the background, mean over images"),
        Metric("background_driven_share", "sampled", "driven", "mistakes",
               ("all", "class", "predicted", "pair", "slice"), "lower", 0.15,
               "Background-driven mistakes", "mistakes that the second pass confirms"),
        Metric("background_leaning_share", "sampled", "driven", "correct", ("all", "class"),
               "lower", 0.15, "Leaning on the background",
               "correct predictions that the background decides"),
        Metric("accuracy_replaced", "sampled", "right_replaced", "all", ("all", "class"), "higher",
               0.05, "Accuracy on other backgrounds",
               "labelled images that are right with the backgrounds of other images"),
        Metric("localization", "rate", "max_box_acc", "all", ("all", "class"), "higher", 0.05,
               "Localisation", "images whose box hits the object (MaxBoxAcc, IoU 0.5)"),
        Metric("gt_known_localization", "rate", "gt_known", "all", ("all", "class"), "higher",
               0.05, "GT-known localisation",
               "images whose box by the 20 % rule hits the object (IoU 0.5)"),
    )
}  # fmt: skip
