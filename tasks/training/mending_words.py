"""What mending a model came to, in words."""

from collections.abc import Iterator
from typing import Any

_SHOWN = 5


def mending_lines(results: dict[str, Any]) -> list[str]:
    """A line for each thing that was done for groups, and how they fare before and after.

    results : of training.json
    """
    return [
        *_of_last_layer(results.get("last_layer")),
        *_of_composites(results.get("composites")),
        *_of_groups(results.get("groups")),
    ]


def _of_last_layer(layer: dict[str, Any] | None) -> Iterator[str]:
    if layer is not None:
        yield (
            f"The last layer was learnt anew from {layer['images']:,} held-out images, "
            f"{layer['images_per_group_and_draw']:,} of each group at a time. The accuracies are "
            "those of layers that learnt from the other half of each group"
        )


def _of_composites(made: dict[str, Any] | None) -> Iterator[str]:
    if made is None:
        return
    yield (
        f"{made['images']:,} images stand on {made['pictures']:,} other backgrounds half of the "
        f"time; look at them: {made['manifest']}"
    )
    left = {
        "without mask or box": made["without_mask_or_box"],
        "unfit": made["object_or_file_unfit"],
    }
    told = ", ".join(f"{count:,} {why}" for why, count in left.items() if count)
    if told:
        yield f"Images that keep their background: {told}"


def _of_groups(groups: dict[str, Any] | None) -> Iterator[str]:
    if groups is None:
        return
    for when in ("before", "after"):
        part = groups[when]
        if part is not None:
            yield (
                f"Worst group {when}: {100 * part['worst_accuracy']:.1f} % of "
                f"{part['worst_images']:,} images ({part['worst']}); mean over "
                f"{len(groups['sizes'])} groups {100 * part['mean']:.1f} %"
            )
    missing = groups["missing"]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        yield f"No image that measures is of: {', '.join(missing[:_SHOWN])}{more}"
