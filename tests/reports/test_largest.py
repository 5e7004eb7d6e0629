"""Against a sort and the head of each group, as pandas has them."""

import numpy as np
import pandas as pd
import pytest

from reports.largest import largest_of_each


def by_sorting(rows: pd.DataFrame, values: "pd.Series[float]", most: int) -> dict[int, list[int]]:
    ordered = rows.assign(value=values).sort_values(
        ["value", "image_id"], ascending=[False, True], na_position="last"
    )
    heads = ordered.groupby("label").head(most)
    return {int(key): ids.tolist() for key, ids in heads.groupby("label")["image_id"]}


@pytest.mark.parametrize("most", [1, 3, 100])
@pytest.mark.parametrize("seed", range(5))
def test_ties_and_missing_values(seed, most):
    random = np.random.default_rng(seed)
    ids = np.sort(random.choice(10_000, 400, replace=False))
    rows = pd.DataFrame({"image_id": ids, "label": random.integers(-1, 12, 400)})
    values = pd.Series(random.integers(0, 9, 400).astype(np.float32))  # many are equal
    values[random.random(400) < 0.2] = np.nan
    assert largest_of_each(rows, "label", values, most) == by_sorting(rows, values, most)


def test_no_rows():
    rows = pd.DataFrame({"image_id": [], "label": []}, dtype=np.int64)
    assert largest_of_each(rows, "label", np.empty(0), 3) == {}


def test_one_group():
    rows = pd.DataFrame({"image_id": [4, 7, 9], "label": [2, 2, 2]})
    assert largest_of_each(rows, "label", np.array([0.5, -1.0, 0.75]), 2) == {2: [9, 4]}
