"""Labels that are probably wrong."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from tasks.suggestions.audited import Audited

NEIGHBOURS = 10
MOST_OWN = 0.2  # of the neighbours, for a label to be in doubt
LEAST_OTHER = 0.5  # ... that have the predicted class
LEAST_HELD = 0.5  # of other backgrounds, on which the prediction has to stay where it was tested

COLUMNS = ["place", "suggested", "finding", "reason"]

Ints = npt.NDArray[np.int64]


def doubtful_labels(audited: Audited) -> pd.DataFrame:
    """Images whose label the model contradicts with confidence, and so do the images like them.

    Confident: the predicted class has at least the probability that images of that class give to
    it on average (the threshold of confident learning, Northcutt et al., arXiv:1911.00068, eq. 2).
    Like them: NEIGHBOURS by the angle between pooled features, each image held out of its own
    count, and near-duplicates counted once and never for each other. At most MOST_OWN of them have
    the label (of as many as there are, in a smaller class), at least LEAST_OTHER the prediction.
    A mistake that the second pass puts down to the background is none of the label's, nor is one
    that turns on most of the backgrounds lent to it.

    Returns: columns place (of the N images), suggested (class index), finding, reason; the surest
        first.
    """
    images = audited.images
    candidates = np.flatnonzero(_contradicted(images))
    if not len(candidates):
        return pd.DataFrame(columns=COLUMNS)
    own, other = _agreement(audited, candidates)
    told = (own <= MOST_OWN) & (other >= LEAST_OTHER)
    found = images.iloc[candidates].assign(place=candidates, other=other)[told]
    found = found.sort_values(["other", "probability", "place"], ascending=[False, False, True])
    reasons = [_reason(row, audited) for row in found.to_dict("records")]
    columns = {
        "place": found["place"],
        "suggested": found["predicted"],
        "finding": "doubtful label",
    }
    return pd.DataFrame(columns).assign(reason=reasons).reset_index(drop=True)


def _contradicted(images: pd.DataFrame) -> npt.NDArray[np.bool_]:
    usual = images.groupby("label")["label_probability"].mean()
    # A class that no image is labelled with has no usual probability: nothing reaches it.
    threshold = images["predicted"].map(usual).fillna(np.inf)
    sure = ~images["correct"] & (images["probability"] >= threshold)
    driven = (images["verdict"] == "confirmed") | (images["held"] < LEAST_HELD)
    return np.asarray(sure & ~driven, dtype=np.bool_)


def _agreement(
    audited: Audited, candidates: Ints
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Of each candidate's neighbours the share with its label and with its prediction."""
    images = audited.images
    label, predicted = images["label"].to_numpy(), images["predicted"].to_numpy()
    stands = images["first_id"].to_numpy()
    reference = np.flatnonzero(stands == images["image_id"].to_numpy())
    features = audited.features.pooled.astype(np.float32)
    near = NearestNeighbors(n_neighbors=min(NEIGHBOURS + 1, len(reference)), metric="cosine")
    near.fit(features[reference])
    places = reference[near.kneighbors(features[candidates], return_distance=False)]
    # The image itself, or the one that stands for it, is among them or farther than all.
    foreign = stands[places] != stands[candidates][:, None]
    foreign &= foreign.cumsum(axis=1) <= NEIGHBOURS
    sizes = np.bincount(label[reference], minlength=len(audited.classes))
    few = np.minimum(foreign.sum(axis=1), np.maximum(sizes[label[candidates]] - 1, 0))
    own = (foreign & (label[places] == label[candidates][:, None])).sum(axis=1)
    other = (foreign & (label[places] == predicted[candidates][:, None])).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):  # a class of one image: NaN, not told
        return own / few, other / foreign.sum(axis=1)


def _reason(row: dict[str, float], audited: Audited) -> str:
    label, predicted = (audited.classes[int(row[name])] for name in ("label", "predicted"))
    stays = "" if np.isnan(row["held"]) else ", on other backgrounds, too"
    return (
        f"labelled {label}, but taken for {predicted} with {row['probability']:.0%}{stays}; "
        f"{row['other']:.0%} of the images most like it are labelled {predicted}"
    )


def contradicting_duplicates(audited: Audited) -> pd.DataFrame:
    """Near-duplicates with different labels: of one picture, one of them is wrong. Suggested is the
    label that most of them have, else the one that the model gives to the picture; where neither
    decides, none. Those that have the suggested label are not listed.

    Returns: columns as `doubtful_labels`; suggested is -1 for none.
    """
    images = audited.images.assign(place=np.arange(len(audited.images)))
    several = images.groupby("first_id")["label"].transform("nunique") > 1
    rows = []
    for _, group in images[several].groupby("first_id"):
        suggested = _vote(group)
        for row in group[group["label"] != suggested].to_dict("records"):
            twin = group[group["label"] != row["label"]].iloc[0]
            reason = (
                f"labelled {audited.classes[row['label']]}, but {twin['uri']} is the same picture "
                f"and labelled {audited.classes[twin['label']]}"
            )
            rows.append((row["place"], suggested, "one picture, several labels", reason))
    return pd.DataFrame(rows, columns=COLUMNS)


def _vote(group: pd.DataFrame) -> int:
    for column in ("label", "predicted"):
        counts = group[column][group[column].isin(group["label"])].value_counts()
        if len(counts) == 1 or (len(counts) and counts.iloc[0] > counts.iloc[1]):
            return int(counts.index[0])
    return -1
