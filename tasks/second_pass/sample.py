"""Which images are tested: the most suspicious ones, and a random sample of the others."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.statistics.sampling import stratified_sample
from tasks.statistics.seeded_hash import Ids

# Shares of the sample. Mistakes are what the audit is about; random correct predictions are the
# control, and show what is right for the wrong reason.
_SHARES = {
    ("suspicious", False): 0.30,
    ("random", False): 0.30,
    ("suspicious", True): 0.10,
    ("random", True): 0.30,
}


SAMPLED_BY = ["image_id", "label", "correct", "score"]


def choose_sample(candidates: pd.DataFrame, size: int, seed: int) -> pd.DataFrame:
    """Two samples in one, each image with the probability with which it came in.

    The most suspicious by `score` are all taken (probability 1); of the rest a systematic sample
    ordered by label is drawn, mistakes and correct predictions apart, so that within each every
    image has the same probability and each class its share.

    candidates : the columns SAMPLED_BY; of `score` NaN counts as the least suspicious
    size : images to test; all where there are fewer

    Returns: image_id, stratum ("suspicious" or "random"), inclusion in (0, 1]; by image_id.
    """
    quotas = _quotas(candidates["correct"].to_numpy(bool), min(size, len(candidates)))
    ids, labels, scores = (candidates[name].to_numpy() for name in ("image_id", "label", "score"))
    parts = []
    for correct in (False, True):
        own = (candidates["correct"] == correct).to_numpy()
        parts.append(_of_group(ids[own], labels[own], scores[own], quotas, correct, seed))
    return pd.concat(parts).sort_values("image_id", ignore_index=True)


def _quotas(correct: np.ndarray, size: int) -> dict[tuple[str, bool], int]:
    """How many of each kind; what one group has too few images for goes to the other."""
    of_mistakes = sum(share for (_, right), share in _SHARES.items() if not right)
    mistakes, others = int((~correct).sum()), int(correct.sum())
    tested = min(mistakes, max(round(size * of_mistakes), size - others))
    quotas = {}
    for right, total in ((False, tested), (True, min(others, size - tested))):
        suspicious, random = (_SHARES[(stratum, right)] for stratum in ("suspicious", "random"))
        quotas["suspicious", right] = int(total * suspicious / (suspicious + random))
        quotas["random", right] = total - quotas["suspicious", right]
    return quotas


def _of_group(
    ids: Ids,
    labels: Ids,
    scores: npt.NDArray[np.floating],
    quotas: dict[tuple[str, bool], int],
    correct: bool,
    seed: int,
) -> pd.DataFrame:
    is_suspicious = _most_suspicious(ids, scores, quotas["suspicious", correct])
    suspicious, rest = ids[is_suspicious], ids[~is_suspicious]
    drawn = np.array([], dtype=np.int64)
    if quotas["random", correct]:
        drawn = stratified_sample(rest, labels[~is_suspicious], quotas["random", correct], seed)
    inclusion = len(drawn) / len(rest) if len(rest) else 1.0
    return pd.DataFrame(
        {
            "image_id": np.concatenate([suspicious, drawn]),
            "stratum": ["suspicious"] * len(suspicious) + ["random"] * len(drawn),
            "inclusion": [1.0] * len(suspicious) + [inclusion] * len(drawn),
        }
    )


def _most_suspicious(
    ids: Ids, scores: npt.NDArray[np.floating], count: int
) -> npt.NDArray[np.bool_]:
    """The `count` highest scores, NaN last, of equals the lower ids."""
    if not count:
        return np.zeros(len(ids), dtype=bool)
    known = np.where(np.isnan(scores), -np.inf, scores)
    least = np.partition(known, len(known) - count)[len(known) - count]
    chosen = known > least
    equal = np.flatnonzero(known == least)
    chosen[equal[np.argsort(ids[equal])][: count - chosen.sum()]] = True
    return chosen
