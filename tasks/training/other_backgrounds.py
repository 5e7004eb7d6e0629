"""The pictures with other backgrounds of a training: made once, stored in its folder."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from tasks.errors import AuditError
from tasks.training.composites import Composites, write_composites
from tasks.training.examples import Examples
from tasks.training.pictures import Pictures
from tasks.training.plan import TrainPlan
from tasks.training.replaced import ReplacedBackgrounds

_THREADS = 4

Advancing = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


def replaced_backgrounds(
    plan: TrainPlan, examples: Examples, advancing: Advancing
) -> tuple[ReplacedBackgrounds | None, dict[str, Any]]:
    """What stands in for training images with `--mend backgrounds`, and figures of it for
    training.json; None without it.

    All images that train lend and are laid on others; with a list of suggestions, those are laid on
    others that it says are to be augmented.

    Raises: AuditError as `write_composites`, and where the list has no image that trains to
    augment.
    """
    config = plan.config
    if config.mend != "backgrounds":
        return None, {}
    rows = examples.of(validation=False)
    every = examples.uris
    uris = [every[row] for row in rows]
    wanted = set(uris)
    if plan.suggested is not None:
        wanted &= plan.suggested.augment
        if not wanted:
            raise AuditError(
                f"{config.suggestions} names no image that trains to augment; expected rows with "
                "action 'augment'. Leave --suggestions out to lay all on other backgrounds"
            )
    with advancing("Backgrounds", len(wanted)) as advance:
        made = write_composites(
            examples.manifest.take(rows),
            plan.preprocessing,
            len(examples.classes.names),
            plan.folder.root / "composites",
            wanted,
            config.composites,
            config.seed,
            _THREADS,
            lambda: advance(1),
        )
    pictures = Pictures(made.pictures["uri"].to_pylist(), plan.preprocessing)
    with advancing("Reading them", len(pictures)) as advance:
        pictures.read_all(_THREADS, advance)
    place = {uri: int(row) for uri, row in zip(uris, rows, strict=True)}
    by_row: dict[int, list[int]] = {}
    for number, source in enumerate(made.pictures["source_uri"].to_pylist()):
        by_row.setdefault(place[source], []).append(number)
    return ReplacedBackgrounds(pictures, by_row, config.seed), {"composites": _facts(made)}


def _facts(made: Composites) -> dict[str, Any]:
    return {
        "pictures": made.pictures.num_rows,
        "images": made.images,
        "without_mask_or_box": made.without_object,
        "object_or_file_unfit": made.unfit,
        "manifest": str(made.manifest),
    }
