"""What the figures of localisation are called, what they mean, and what they cannot say."""

from dataclasses import dataclass

from tasks.errors import AuditError


@dataclass(frozen=True)
class FigureWords:
    """short : as the heading of a column
    better : higher, lower
    """

    title: str
    short: str
    better: str
    meaning: str


_THRESHOLD = "the threshold is the one that is best for the whole dataset"

FIGURES: dict[str, FigureWords] = {
    "max_box_acc": FigureWords(
        "MaxBoxAcc",
        "MaxBoxAcc",
        "higher",
        "Images in which the box around the largest contour overlaps a true box by at least half "
        f"(IoU); {_THRESHOLD}.",
    ),
    "max_box_acc_v2": FigureWords(
        "MaxBoxAccV2",
        "MaxBoxAccV2",
        "higher",
        "The mean of the three below. Its interval is the mean of theirs: too wide rather than "
        "too narrow.",
    ),
    "box_acc_30": FigureWords(
        "at IoU 0.3",
        "V2, 0.3",
        "higher",
        f"Images in which the box around any contour overlaps so much; {_THRESHOLD} and this IoU.",
    ),
    "box_acc_50": FigureWords("at IoU 0.5", "V2, 0.5", "higher", "The same."),
    "box_acc_70": FigureWords("at IoU 0.7", "V2, 0.7", "higher", "The same."),
    "pxap": FigureWords(
        "PxAP",
        "PxAP",
        "higher",
        "Average precision of pixels as object or background, over all thresholds and all pixels "
        "at once. Only images with masks. It is no share of images and has no interval here.",
    ),
    "gt_known": FigureWords(
        "GT-known",
        "GT-known",
        "higher",
        "Images in which the box by the 20 % rule overlaps a true box by at least half, whatever "
        "was predicted.",
    ),
    "top_1_error": FigureWords(
        "Top-1 localisation error",
        "Top-1 error",
        "lower",
        "Images that were given the wrong class or whose box by the 20 % rule misses.",
    ),
    "top_5_error": FigureWords(
        "Top-5 localisation error",
        "Top-5 error",
        "lower",
        "The same, where it is enough that the label is among the five largest logits. The box is "
        "that of the label's map.",
    ),
}

INNER = ("box_acc_30", "box_acc_50", "box_acc_70")
OF_CLASSES = ("max_box_acc", "max_box_acc_v2", "pxap", "gt_known", "top_1_error")

NEEDS = (
    "Localisation needs labels, and for each image a box or a mask: a manifest with the column "
    "boxes or mask_uri, or --annotations with a COCO json. PxAP needs masks."
)

RULES: list[tuple[str, str]] = [
    (
        "The map",
        "The label's map of the first method, as it is stored, enlarged bilinearly to the model's "
        "view and stretched from its least to its largest value, image by image. No other page "
        "stretches maps. A map that is the same everywhere finds nothing.",
    ),
    (
        "The 20 % rule",
        "The box around the largest connected region above 20 % of the map's maximum "
        "(arXiv:1512.04150, section 3). One rule for every model and method.",
    ),
    (
        "MaxBoxAcc, MaxBoxAccV2, PxAP",
        "As the published code computes them (arXiv:2001.07437, arXiv:2007.04178, "
        "clovaai/wsolevaluation): map in 256 steps, strictly above the threshold, boxes one pixel "
        "wider than their contour. Of its 1,000 thresholds 255 differ; these are computed.",
    ),
    (
        "The centre",
        "A Gaussian on the centre of the view, a quarter of the side wide, by the same code. At "
        "the best threshold it is the best centred square there is; by the 20 % rule it is one of "
        "nine tenths of the side.",
    ),
]

LIMITS: list[tuple[str, str]] = [
    (
        "The threshold has seen the answers",
        "It is chosen on these very images, as published, for the maps and for the centre alike. "
        "The intervals do not know of that choice. Of two methods, the one with the higher figure "
        "need not be better at a threshold chosen elsewhere.",
    ),
    (
        "In the model's view",
        "True boxes are clipped to the central crop, and objects outside it are not asked for. "
        "Published numbers squeeze the whole image into a square instead: compare with them only "
        "roughly.",
    ),
    (
        "A box is not the object",
        "A map that marks only the telling part of an object, its head say, is a good explanation "
        "and a bad box. A high figure does not make a map faithful, nor a low one unfaithful.",
    ),
    (
        "Large objects are easy",
        "Where objects fill the view, any large box hits. That is what the centre beside each "
        "figure tells.",
    ),
]


def words_of(figure: str) -> FigureWords:
    """The words of a figure.

    Raises: AuditError for a figure that the report has no words for.
    """
    if figure not in FIGURES:
        raise AuditError(
            f"the report has no words for the figure {figure!r}; known are {', '.join(FIGURES)}. "
            "Draw the report with the version that ran the audit"
        )
    return FIGURES[figure]
