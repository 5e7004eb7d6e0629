"""What is fuzzed, and how one kind is run."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz import data
from tests.fuzz import settings_and_weights as others
from tests.fuzz.mutation import mutated

WEIGHTS = (".pth", ".safetensors")


@dataclass(frozen=True)
class Target:
    """inputs : changed files
    check : raises where one, written below the folder, does what it must not
    examples : of a run of the suite
    """

    inputs: st.SearchStrategy[bytes]
    check: Callable[[bytes, Path], None]
    examples: int = 30


def targets(folder: Path) -> dict[str, Target]:
    """By name. The folder gets the images that manifests name."""
    data.write_images(folder)
    found = {
        "CSV manifest": Target(mutated(data.CSV), data.check_csv),
        "Parquet manifest": Target(mutated(data.parquets()), data.check_parquet),
        "COCO json": Target(data.coco(), data.check_coco),
        "class list": Target(mutated(data.CLASSES), data.check_classes),
        "configuration": Target(mutated(others.AUDIT), others.check_toml),
        "policy": Target(mutated(others.POLICY), others.check_policy),
        "exported program": Target(others.programs(folder), others.check_program, 8),
    }
    for kind in data.IMAGES:
        found[f"{kind} image"] = Target(data.images(kind), data.check_image)
    for suffix in WEIGHTS:
        check = partial(others.check_weights, suffix)
        found[f"{suffix} weights"] = Target(others.weights(suffix, folder), check)
    return found


def examine(target: Target, folder: Path, examples: int, seed: int | None = None) -> None:
    """Raises: whatever the check raises, for the smallest file that hypothesis finds.

    seed : None draws the same files each time, and makes none that fails smaller
    """

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=seed is None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate] if seed is None else [Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(target.inputs)
    def holds(content: bytes) -> None:
        target.check(content, folder)

    (holds if seed is None else hypothesis.seed(seed)(holds))()
