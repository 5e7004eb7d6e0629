"""One seed of the experiment, small: from the renderer to the figures."""

from pathlib import Path

import pandas as pd
import pytest

from tests.mending.dataset import GROUPS, Sizes, dataset_in
from tests.mending.run import line_of, run_all

QUICK = Sizes(training=100, held_out=4, held_out_home=6, test=3, epochs=5, backgrounds=30)


def test_one_seed_from_pools_to_figures(tmp_path: Path) -> None:
    told: list[str] = []
    (found,) = run_all(tmp_path, 1, QUICK, told.append, ("last layer",), processes=1)
    data = dataset_in(tmp_path / "seed0")
    rows, test = pd.read_csv(data.training), pd.read_csv(data.test)
    held_out = rows[rows["split"] == "val"].groupby(["label", "background"]).size()
    assert sorted(held_out.unique()) == [4, 6]
    assert found.held_out == held_out.sum() == 33 * 4 + 3 * 6
    assert (test.groupby(["label", "background"]).size() == 3).all()
    assert len(test) == 3 * len(GROUPS)
    # What the audit says, from its table alone.
    run = tmp_path / "seed0" / "after_last_layer" / "tables" / "predictions"
    tables = pd.concat([pd.read_parquet(file) for file in sorted(run.glob("*.parquet"))])
    right = tables.sort_values("image_id")["correct"].to_numpy()
    groups = test.assign(right=right).groupby(["label", "background"])["right"].mean()
    after = found.after["last layer"]
    assert after.worst == groups.min()
    assert after.accuracy == right.mean()
    assert after.mistakes == pytest.approx(1 - after.accuracy)
    assert after.accuracy > found.before.accuracy
    assert told[-1] == line_of(found)
