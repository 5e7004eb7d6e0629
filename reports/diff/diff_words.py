"""How two audits were held against each other, in words."""

from typing import Any

from reports.formats import count, percent, plural
from tasks.diff.map_distance import DIRECTIONS
from tasks.diff.mended import ERROR_RATE, LEAST_CHANGE
from tasks.diff.overlapping_means import FEWEST, MOST_DRAWN
from tasks.diff.quantities import LEAST_TESTED
from tasks.diff.stage import Difference
from tasks.diff.unit_changes import LEAST_CORRELATION, LEAST_JACCARD, RELATED
from tasks.diff.worst_groups import LEAST_IMAGES

LIMITS = [
    ("Why", "A difference says that two audits differ, not through what. Between two models on one "
     "dataset it is the model; between two datasets it may be either."),
    ("Different samples", "The second pass of each audit tests images of its own choice, and the "
     "mistakes of one are not those of the other. Background shares are weighted estimates of each "
     "audit, held against each other as if independent: their intervals are too wide rather than "
     "too narrow."),
    ("Mistakes in proportion", "A share of the mistakes can rise because others were mended. Read "
     "it beside the number of mistakes."),
    ("Maps of two models", "A map that moved tells that the evidence lies elsewhere, not that it "
     "is worse there. Each audit has a colour scale of its own; the distance compares shares of a "
     "map, not their strength. Where the two crop images differently, so do their views."),
    ("Units", "Only units of one layer and number in a network and its descendant are the same "
     "unit. Two networks that were trained from different starts share numbers, nothing else."),
    ("Contexts", "Every audit numbers its contexts anew: those of one class are matched by rank."),
    ("Many comparisons", "What is called changed passed a false discovery rate of a tenth over all "
     "metrics and groups: up to a tenth of those calls may be wrong. Single intervals are not "
     "corrected."),
]  # fmt: skip


def how_made(difference: Difference) -> list[tuple[str, str]]:
    """Terms and what is said of them."""
    covered = difference.coverage
    return [
        ("A", _run(difference.aligned.run_a)),
        ("B", _run(difference.aligned.run_b)),
        ("Images", _paired(covered)),
        ("Classes", _classes(covered)),
        ("Rates", "Newcombe’s interval from Wilson’s, with the correlation over images in both "
         "(Newcombe 1998; Zou and Donner 2008); McNemar’s mid-p, Fisher’s exact test without "
         "common images"),
        ("Means", f"bootstrap over images (BCa), Student’s above {count(MOST_DRAWN)} images; none "
         f"below {FEWEST} of each; t test for partly paired samples (Derrick et al. 2017)"),
        ("Background shares", "Horvitz–Thompson over tested images; p from the interval"),
        ("Changed", "q at most 0.1 (Benjamini–Hochberg over all metrics and groups together), an "
         "interval that leaves zero out and a difference of at least the metric’s floor; not "
         "tested with fewer than "
         f"{LEAST_TESTED} images in either"),
        ("Mended", "a class that a confirmed finding of A was about and none of B is (where B has "
         "a second pass, if A’s findings are of one), nor is one of A’s left unconfirmed with p at "
         f"most {ERROR_RATE}; its accuracy did not fall; one of its measures is better by at least "
         f"{percent(LEAST_CHANGE)}, with zero outside of the interval and p at most {ERROR_RATE} "
         "after Holm over all measures of all classes. The rate of a context is tested given that "
         "A found it (Fithian et al., arXiv:1410.2597)"),
        ("Worst group", f"the lowest accuracy of each audit, of groups with {LEAST_IMAGES} images "
         "or more in both; p by swapping the two audits’ answers at random (Fisher’s permutation "
         "test), since the worst of many groups is worse by chance, too"),
        ("Evidence moved", f"sliced Wasserstein distance of the maps’ shares, {DIRECTIONS} "
         "directions, in sides of the view (Bonneel et al. 2015); unlike grids resampled by area"),
        ("Units", f"changed: correlation below {LEAST_CORRELATION} and overlap of the strongest "
         f"images (Jaccard) below {LEAST_JACCARD}; compared where units correlate with their "
         f"namesakes by {RELATED} more than with others"),
    ]  # fmt: skip


def _run(run: Any) -> str:
    model = (run.audit.get("model") or {}).get("name", "")
    unread = f", {plural(run.unread, 'image')} unread" if run.unread else ""
    return f"{run.run.root.name}: {model}, {plural(len(run.images), 'image')}{unread}"


def _paired(covered: dict[str, Any]) -> str:
    words = {"uri": "by uri", "relative": "by relative path and label", "content": "by content"}
    by = [f"{count(n)} {words[name]}" for name, n in covered["paired_by"].items() if n]
    text = f"paired {', '.join(by)}" if by else "none in both"
    for name, words_of in (
        ("only_a", "only in A"), ("only_b", "only in B"), ("relabelled", "with another label"),
        ("changed", "changed in place"),
    ):  # fmt: skip
        text += f"; {count(covered[name])} {words_of}" if covered[name] else ""
    return text


def _classes(covered: dict[str, Any]) -> str:
    text = f"{count(covered['classes'])} paired by name"
    for side in ("a", "b"):
        only = covered[f"classes_only_{side}"]
        if only:
            text += f"; only in {side.upper()}: {', '.join(only[:5])}"
            text += f" and {count(len(only) - 5)} more" if len(only) > 5 else ""
    return text
