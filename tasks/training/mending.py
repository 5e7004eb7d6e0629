"""Which images a mended training weighs more, and which it shows on other backgrounds."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tasks.errors import AuditError
from tasks.training.composites import with_objects
from tasks.training.config import TrainConfig
from tasks.training.examples import Examples
from tasks.training.groups import (
    group_weights,
    small_ones_joined,
    suggested_groups,
    tag_groups,
)
from tasks.training.last_layer_input import check_groups
from tasks.training.suggested import Suggested

FEWEST = 6  # images of a group that a list tells, to be one of its own for way dfr

Floats = npt.NDArray[np.float64]


def check_mending(config: TrainConfig, examples: Examples, suggested: Suggested | None) -> None:
    """Tell what cannot be mended before any work.

    Raises: AuditError as `groups_of`; for way dfr as `check_groups`; for other backgrounds where no
    image that trains has a mask or box.
    """
    groups = groups_of(config, examples, suggested)
    if config.way == "dfr":
        check_groups(groups or ())
    if config.mend == "backgrounds":
        trained = examples.manifest.take(examples.of(validation=False))
        with_objects(trained.select(["mask_uri", "boxes"]).to_pylist())


def groups_of(
    config: TrainConfig, examples: Examples, suggested: Suggested | None
) -> tuple[str, ...] | None:
    """The group of each example, by the tag or else by the list; None where nothing groups them.

    Raises: AuditError for a tag that no image has, and a list that names no group of them.
    """
    names = [examples.classes.names[label] for label in examples.labels]
    if config.group_by is not None:
        tags = [dict(tags or ()) for tags in examples.manifest["tags"].to_pylist()]
        return tag_groups(names, tags, config.group_by)
    if suggested is not None and suggested.group:
        groups = suggested_groups(examples.uris, names, suggested.group)
        # Held against its neighbours, an image of a tiny group says nothing of the group.
        return small_ones_joined(groups, names, FEWEST) if config.way == "dfr" else groups
    if config.way == "dfr":
        raise AuditError(
            f"the list {config.suggestions} names no groups, and way 'dfr' needs some; give "
            "--group-by TAG"
        )
    return None


def mended_weights(
    config: TrainConfig,
    examples: Examples,
    groups: Sequence[str] | None,
    suggested: Suggested | None,
) -> Floats:
    """The weight of each example's loss: with `reweight` those that even out the groups within
    each class, or the list's where there is no tag; mean 1 over those that train and over those
    that measure. Else 1."""
    weights, uris = np.ones(len(examples)), examples.uris
    if config.mend != "reweight":
        return weights
    for validation in (False, True):
        rows = examples.of(validation=validation)
        if config.group_by is not None and groups is not None:
            labels = [str(label) for label in examples.labels[rows]]
            weights[rows] = group_weights([groups[row] for row in rows], labels)
        elif suggested is not None:
            listed = np.array([suggested.weight.get(uris[row], 1.0) for row in rows])
            weights[rows] = listed / listed.mean()
    return weights
