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
    wanted = _wanted(plan, uris)
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
    pictures = _read(made, plan, advancing)
    place = {uri: int(row) for uri, row in zip(uris, rows, strict=True)}
    replaced = ReplacedBackgrounds(pictures, _by_row(made, place), config.seed)
    return replaced, {"composites": _facts(made)}


def _wanted(plan: TrainPlan, uris: list[str]) -> set[str]:
    if plan.suggested is None:
        return set(uris)
    wanted = plan.suggested.augment.intersection(uris)
    if not wanted:
        raise AuditError(
            f"{plan.config.suggestions} names no image that trains to augment; expected rows with "
            "action 'augment'. Leave --suggestions out to lay all on other backgrounds"
        )
    return set(wanted)


def _read(made: Composites, plan: TrainPlan, advancing: Advancing) -> Pictures:
    pictures = Pictures(made.pictures["uri"].to_pylist(), plan.preprocessing)
    with advancing("Reading them", len(pictures)) as advance:
        broken = pictures.read_all(_THREADS, advance)
    if broken:
        raise AuditError(
            f"{len(broken)} stored pictures with other backgrounds cannot be read, the first: "
            f"{broken[0].uri} ({broken[0].error}). Remove {made.manifest.parent} and run the same "
            "command again; they are made anew"
        )
    return pictures


def _by_row(made: Composites, place: dict[str, int]) -> dict[int, list[int]]:
    """Of each image's row the places of its pictures."""
    by_row: dict[int, list[int]] = {}
    for number, source in enumerate(made.pictures["source_uri"].to_pylist()):
        by_row.setdefault(place[source], []).append(number)
    return by_row


def _facts(made: Composites) -> dict[str, Any]:
    return {
        "pictures": made.pictures.num_rows,
        "images": made.images,
        "without_mask_or_box": made.without_object,
        "object_or_file_unfit": made.unfit,
        "manifest": str(made.manifest),
    }
