"""Objects and backgrounds, rendered once and composed many times."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from tasks.scenes import (
    BACKGROUND_NAMES,
    OBJECT_NAMES,
    ObjectLayer,
    render_background,
    render_object,
)

SIZE = 64
PARTS = ("color", "coverage", "shadow", "mask")
# Where a purpose's members start in the pool of each class and of each kind of background:
# no picture of the audit, and no re-render, has a part that training has seen.
FIRST_SEED = {"training": 0, "audit": 1_000_000, "truth": 2_000_000}


@dataclass(frozen=True)
class PoolSizes:
    """Members per class, and per kind of background."""

    training_objects: int = 500
    audit_objects: int = 408
    training_backgrounds: int = 250
    audit_backgrounds: int = 150
    truth_backgrounds: int = 60

    def objects(self) -> dict[str, int]:
        return {"training": self.training_objects, "audit": self.audit_objects}

    def backgrounds(self) -> dict[str, int]:
        return {
            "training": self.training_backgrounds,
            "audit": self.audit_backgrounds,
            "truth": self.truth_backgrounds,
        }


class Pools:
    """The rendered parts, read from their folder as memory maps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._arrays: dict[str, np.ndarray] = {}

    def object_layer(self, purpose: str, name: str, member: int) -> ObjectLayer:
        """A member of the pool of objects, as the renderer made it."""
        color, coverage, shadow, mask = (
            self._array(f"{purpose}-{name}-{part}")[member] for part in PARTS
        )
        return ObjectLayer(
            color=color.astype(np.float32),
            coverage=coverage.astype(np.float32) / 255,
            shadow=shadow.astype(np.float32),
            mask=np.array(mask),
        )

    def background(self, purpose: str, kind: str, member: int) -> np.ndarray:
        """A member of the pool of backgrounds: (64, 64, 3), float32, in [0, 255]."""
        return self._array(f"{purpose}-{kind}")[member].astype(np.float32)

    def objects(self, purpose: str) -> int:
        """Members per class."""
        return len(self._array(f"{purpose}-{OBJECT_NAMES[0]}-mask"))

    def backgrounds(self, purpose: str) -> int:
        """Members per kind of background."""
        return len(self._array(f"{purpose}-{BACKGROUND_NAMES[0]}"))

    def _array(self, stem: str) -> np.ndarray:
        if stem not in self._arrays:
            self._arrays[stem] = np.load(self.folder / f"{stem}.npy", mmap_mode="r")
        return self._arrays[stem]


def render_pools(folder: Path, sizes: PoolSizes, processes: int) -> Pools:
    """Render every pool into a folder, on several processes; what is there stays."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        (folder, purpose, name, count)
        for names, counts in (
            (OBJECT_NAMES, sizes.objects()),
            (BACKGROUND_NAMES, sizes.backgrounds()),
        )
        for purpose, count in counts.items()
        for name in names
    ]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        list(pool.map(_render_pool, *zip(*jobs, strict=True)))
    return Pools(folder)


def _render_pool(folder: Path, purpose: str, name: str, count: int) -> None:
    cv2.setNumThreads(1)
    last = folder / (f"{purpose}-{name}" + ("" if name in BACKGROUND_NAMES else f"-{PARTS[-1]}"))
    if last.with_suffix(".npy").exists():
        return
    seeds = range(FIRST_SEED[purpose], FIRST_SEED[purpose] + count)
    if name in BACKGROUND_NAMES:
        rendered = [render_background(name, seed, SIZE) for seed in seeds]
        np.save(folder / f"{purpose}-{name}.npy", np.rint(rendered).astype(np.uint8))
        return
    layers = [render_object(name, seed, SIZE) for seed in seeds]
    # The renderer rounds coverage to 1 / 255, so a byte holds it exactly.
    as_stored = {
        "color": np.stack([layer.color for layer in layers]).astype(np.float16),
        "coverage": np.rint([layer.coverage * 255 for layer in layers]).astype(np.uint8),
        "shadow": np.stack([layer.shadow for layer in layers]).astype(np.float16),
        "mask": np.stack([layer.mask for layer in layers]),
    }
    for part, array in as_stored.items():
        np.save(folder / f"{purpose}-{name}-{part}.npy", array)
