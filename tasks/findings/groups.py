"""Groups of images: all, by class, by pair of classes that are confused, by tag."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.errors import AuditError
from tasks.findings.cells import Integers

MOST_VALUES = 50
FEWEST_IMAGES = 5


@dataclass(frozen=True)
class Grouping:
    """Images put into groups in one way.

    kind : all, label, predicted, pair, slice
    code : of each image, int64: the row of `names` that it belongs to, -1 for none
    names : one row per group, columns label, predicted (int; -1 for none), tag, value (str, None)
    """

    kind: str
    code: Integers
    names: pd.DataFrame


def groupings(images: pd.DataFrame, tags: pd.DataFrame | None) -> Iterator[Grouping]:
    """All ways in which an audit groups its images.

    images : of `audited_images`
    tags : columns image_id and one per tag (str, None where an image has none); None: no tags

    Raises: AuditError for tags without image_id or with an image twice.
    """
    yield _by(images, "all", [], np.ones(len(images), dtype=bool))
    yield _by(images, "label", ["label"], np.ones(len(images), dtype=bool))
    yield _by(images, "predicted", ["predicted"], np.ones(len(images), dtype=bool))
    yield _by(images, "pair", ["label", "predicted"], ~images["correct"].to_numpy())
    yield from slices(images, tags)


def slices(images: pd.DataFrame, tags: pd.DataFrame | None) -> Iterator[Grouping]:
    """The tags that cut the images into comparable parts, by name.

    A tag is used where it has 2 to MOST_VALUES values, two of them with at least FEWEST_IMAGES
    audited images; values with fewer are left out. What has a value for nearly every image (a time,
    a temperature, a name) is no slice.
    """
    if tags is None:
        return
    is_aligned = "image_id" in tags and np.array_equal(tags["image_id"], images["image_id"])
    if not is_aligned and ("image_id" not in tags or tags["image_id"].duplicated().any()):
        raise AuditError(
            "tags are no table of one row per image: expected a column image_id without "
            f"repetitions, got the columns {', '.join(map(str, tags.columns))}"
        )
    if not is_aligned:
        tags = tags.set_index("image_id").reindex(images["image_id"]).reset_index()
    for name in sorted(tags.columns.drop("image_id")):
        counts = tags[name].value_counts()
        frequent = sorted(counts[counts >= FEWEST_IMAGES].index)
        if len(counts) <= MOST_VALUES and len(frequent) >= 2:
            code = pd.Index(frequent, dtype=object).get_indexer(tags[name])
            names = pd.DataFrame({"label": -1, "predicted": -1, "tag": name, "value": frequent})
            yield Grouping("slice", code.astype(np.int64), names)


def _by(
    images: pd.DataFrame, kind: str, keys: list[str], chosen: npt.NDArray[np.bool_]
) -> Grouping:
    code = np.full(len(images), -1, dtype=np.int64)
    rows = images.loc[chosen, keys]
    if keys and len(rows):
        grouped = rows.groupby(keys, sort=True)
        code[chosen] = grouped.ngroup().to_numpy()
        found = grouped.size().index.to_frame(index=False)
    else:
        code[chosen] = 0
        found = pd.DataFrame(index=range(min(len(rows), 1)))
    names = found.assign(**{key: -1 for key in ("label", "predicted") if key not in found})
    return Grouping(
        kind, code, names.assign(**{k: None for k in ("tag", "value") if k not in names})
    )
