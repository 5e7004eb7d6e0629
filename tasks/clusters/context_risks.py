"""Contexts that make the model name a class that is not there."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from scipy.sparse import csr_matrix
from scipy.stats import false_discovery_control

from tasks.clusters.packed_flags import PackedFlags
from tasks.clusters.rate_differences import Floats, fisher_greater, newcombe_interval
from tasks.statistics.seeded_hash import in_discovery_half
from tasks.tables.background_schemas import CONTEXT_RISKS

# What counts as discovered, on the discovery half.
SMALLEST_DIFFERENCE = 0.05
LARGEST_P_VALUE = 0.05
FEWEST_IMAGES = 10  # with the cluster, and without it
_IMAGES_AT_ONCE = 2**16

Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class RiskCounts:
    """Images whose label is known and another class, per class and cluster; int64, shape (C, K).

    present, absent : with and without the cluster
    predicted_present, predicted_absent : of those, given this class
    """

    present: Integers
    absent: Integers
    predicted_present: Integers
    predicted_absent: Integers

    @property
    def difference(self) -> Floats:
        """P(predicted | present) - P(predicted | absent); NaN where either is of no image."""
        with np.errstate(invalid="ignore"):
            return self.predicted_present / self.present.astype(
                np.float64
            ) - self.predicted_absent / self.absent.astype(np.float64)

    def merge(self, other: "RiskCounts") -> "RiskCounts":
        """Of the images of both."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return RiskCounts(*(own + more for own, more in pairs))

    def at(self, classes: Integers, clusters: Integers) -> tuple[Integers, ...]:
        """predicted_present, present, predicted_absent, absent of some pairs."""
        counts = (self.predicted_present, self.present, self.predicted_absent, self.absent)
        return tuple(count[classes, clusters] for count in counts)


def find_risks(
    image_id: Integers, labels: Integers, predicted: Integers, present: Bools | PackedFlags
) -> pa.Table:
    """Every class and cluster where the cluster makes the class a likelier mistake.

    Discovered on one half of the images; the numbers of the table are those of the other half.

    image_id, labels, predicted : int64, shape (N,); labels -1 where unknown
    present : of N images and K clusters

    Returns: a table of schema CONTEXT_RISKS, the surest first; p-values by Fisher's exact test,
    intervals by Newcombe's method 10, q-values over all rows.
    """
    num_classes = int(max(labels.max(initial=-1), predicted.max(initial=-1))) + 1
    discovery, testing = _count_halves(image_id, labels, predicted, present, num_classes)
    classes, clusters = discovered(discovery)
    hits, present_images, other_hits, absent_images = testing.at(classes, clusters)
    low, high = newcombe_interval(hits, present_images, other_hits, absent_images)
    p_values = fisher_greater(hits, present_images, other_hits, absent_images)
    columns = {
        "cluster": clusters,
        "class_idx": classes,
        "present": present_images,
        "absent": absent_images,
        "predicted_present": hits,
        "predicted_absent": other_hits,
        "risk_difference": testing.difference[classes, clusters],
        "low": low,
        "high": high,
        "discovery_difference": discovery.difference[classes, clusters],
        "p_value": p_values,
        "q_value": false_discovery_control(p_values) if len(p_values) else p_values,
    }
    surest = ["q_value", "p_value", "risk_difference", "cluster", "class_idx"]
    rows = pd.DataFrame(columns).sort_values(surest, ascending=[True, True, False, True, True])
    table = pa.Table.from_pandas(rows, schema=CONTEXT_RISKS, preserve_index=False)
    return table.replace_schema_metadata(None)


def _count_halves(
    image_id: Integers,
    labels: Integers,
    predicted: Integers,
    present: Bools | PackedFlags,
    num_classes: int,
) -> tuple[RiskCounts, RiskCounts]:
    """Of the discovery half and of the testing half, some images at a time."""
    none = count_risks(labels[:0], predicted[:0], present[:0], num_classes)
    halves = [none, none]
    for start in range(0, len(image_id), _IMAGES_AT_ONCE):
        some = slice(start, start + _IMAGES_AT_ONCE)
        label, answer, shown = labels[some], predicted[some], present[some]
        half = in_discovery_half(image_id[some])
        for number, chosen in enumerate((half, ~half)):
            own = chosen & (label >= 0)
            more = count_risks(label[own], answer[own], shown[own], num_classes)
            halves[number] = halves[number].merge(more)
    return halves[0], halves[1]


def count_risks(
    labels: Integers, predicted: Integers, present: Bools, num_classes: int
) -> RiskCounts:
    """Count N images whose labels are known.

    labels, predicted : int64, shape (N,), in [0, num_classes); present : bool, shape (N, K)
    """
    wrong = labels != predicted
    everywhere = np.bincount(labels, minlength=num_classes)
    predicted_wrongly = np.bincount(predicted[wrong], minlength=num_classes)
    with_cluster = present.sum(axis=0)[None] - _sum_by_class(labels, present, num_classes)
    predicted_present = _sum_by_class(predicted[wrong], present[wrong], num_classes)
    return RiskCounts(
        present=with_cluster,
        absent=(len(labels) - everywhere)[:, None] - with_cluster,
        predicted_present=predicted_present,
        predicted_absent=predicted_wrongly[:, None] - predicted_present,
    )


def discovered(counts: RiskCounts) -> tuple[Integers, Integers]:
    """Classes and clusters whose difference is large, sure enough and of enough images."""
    enough = (counts.present >= FEWEST_IMAGES) & (counts.absent >= FEWEST_IMAGES)
    classes, clusters = np.nonzero(enough & (counts.difference > SMALLEST_DIFFERENCE))
    sure = fisher_greater(*counts.at(classes, clusters)) < LARGEST_P_VALUE
    return classes[sure], clusters[sure]


def _sum_by_class(classes: Integers, present: Bools, num_classes: int) -> Integers:
    """Images of each class with each cluster, int64, shape (num_classes, K)."""
    images = len(classes)
    one_hot = csr_matrix(
        (np.ones(images, dtype=np.int64), (classes, np.arange(images))), (num_classes, images)
    )
    return np.asarray((one_hot @ csr_matrix(present, dtype=np.int64)).todense())
