"""The experiment from pools to figures, a seed after the other or two at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from tests.mending.dataset import Sizes, write_dataset
from tests.mending.gates import MENDS, Outcome
from tests.mending.measured import audit, measure, mended_classes
from tests.mending.mends import mend
from tests.mending.shortcut import MODEL, train_shortcut
from tests.planted.jobs import use_one_thread
from tests.planted.pools import Pools, render_pools


def run_all(
    folder: Path,
    seeds: int,
    sizes: Sizes,
    tell: Callable[[str], None],
    mends: Sequence[str] = MENDS,
    processes: int = 2,
) -> list[Outcome]:
    """All seeds, in their order; what is in the folder already stays."""
    pools = folder / "pools"
    render_pools(pools, sizes.pools, processes)
    tell("objects and backgrounds are rendered")
    job = partial(run_seed, folder=folder, pools=pools, sizes=sizes, mends=mends)
    outcomes = []
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for outcome in pool.map(job, range(seeds)):
            outcomes.append(outcome)
            tell(line_of(outcome))
    return outcomes


def run_seed(seed: int, folder: Path, pools: Path, sizes: Sizes, mends: Sequence[str]) -> Outcome:
    """One seed: train, audit, mend, audit again."""
    use_one_thread()
    of_seed = folder / f"seed{seed}"
    data = write_dataset(of_seed, Pools(pools), seed, sizes)
    weights = train_shortcut(data, of_seed / "shortcut.safetensors", seed, sizes)
    before = audit(data, MODEL, weights, of_seed / "before")
    after, mended = {}, {}
    for name in mends:
        stem = name.replace(" ", "_")
        model = mend(name, data, weights, of_seed / stem, seed)
        run = audit(data, str(model), None, of_seed / f"after_{stem}")
        after[name], mended[name] = measure(run), mended_classes(before, run)
    held_out = int((pd.read_csv(data.training)["split"] == "val").sum())
    return Outcome(seed, held_out, measure(before), after, mended)


def line_of(outcome: Outcome) -> str:
    """One line of figures for a seed."""
    before = outcome.before
    parts = [f"seed {outcome.seed}: worst group {100 * before.worst:.0f} % ({before.worst_name})"]
    parts += [
        f"{name} {100 * one.worst:.0f} % ({one.worst_name}), mean {100 * before.accuracy:.0f} to "
        f"{100 * one.accuracy:.0f} %, driven {100 * before.driven:.0f} to {100 * one.driven:.0f} %"
        for name, one in outcome.after.items()
    ]
    return "; ".join(parts)
