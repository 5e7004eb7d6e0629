"""Bootstrap intervals and comparisons against scipy and where the answer is known."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tasks.errors import AuditError
from tasks.faithfulness.comparison import compare_methods
from tasks.statistics import bootstrap
from tasks.statistics.bootstrap import bootstrap_mean, paired_difference


@pytest.mark.parametrize("size, level, seed", [(2, 0.95, 0), (37, 0.95, 1), (400, 0.8, 2)])
@pytest.mark.parametrize("draws_at_once", [1, 5_000, 2**22])
def test_mean_equals_scipy(
    monkeypatch: pytest.MonkeyPatch, size: int, level: float, seed: int, draws_at_once: int
) -> None:
    monkeypatch.setattr(bootstrap, "_DRAWS_AT_ONCE", draws_at_once)
    values = np.random.default_rng(9).gamma(0.5, size=size)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=500, method="percentile", confidence_level=level,
        rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    got = bootstrap_mean(values, resamples=500, level=level, seed=seed)
    assert (got.low, got.high) == pytest.approx((expected.low, expected.high), rel=1e-12)
    assert got.value == pytest.approx(math.fsum(values) / size, rel=1e-12)
    assert (got.images, got.missing) == (size, 0)


def test_paired_difference_equals_scipy() -> None:
    generator = np.random.default_rng(4)
    left, right = generator.normal(0.1, 1, 60), generator.normal(0, 1, 60)
    expected = stats.bootstrap(
        (left, right), lambda x, y, axis: (x - y).mean(axis=axis), paired=True,
        n_resamples=2000, method="percentile", rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    got = paired_difference(left, right)
    assert (got.low, got.high) == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_of_many_normal_values_it_is_the_normal_interval() -> None:
    values = np.random.default_rng(0).normal(3, 2, 5_000)
    got = bootstrap_mean(values, resamples=4_000)
    half = 1.959964 * values.std() / math.sqrt(5_000)
    assert got.low == pytest.approx(values.mean() - half, abs=0.05 * half)
    assert got.high == pytest.approx(values.mean() + half, abs=0.05 * half)


def test_of_a_rate_it_is_the_binomial_quantile() -> None:
    """A resampled count of ones is binomial, exactly."""
    values = np.repeat([1.0, 0.0], [30, 70])
    got = bootstrap_mean(values, resamples=20_000)
    assert got.low == pytest.approx(stats.binom.ppf(0.025, 100, 0.3) / 100, abs=0.011)
    assert got.high == pytest.approx(stats.binom.ppf(0.975, 100, 0.3) / 100, abs=0.011)


def test_it_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    covered = 0
    for seed in range(300):
        got = bootstrap_mean(generator.exponential(size=60), resamples=400, seed=seed)
        covered += got.low <= 1 <= got.high
    assert 0.88 <= covered / 300 <= 0.98


def test_missing_values_are_left_out_and_counted() -> None:
    got = bootstrap_mean([1.0, math.nan, 3.0, math.inf, 2.0])
    without = bootstrap_mean([1.0, 3.0, 2.0])
    assert (got.value, got.low, got.high) == (without.value, without.low, without.high)
    assert (got.images, got.missing) == (3, 2)
    pair = paired_difference([1.0, math.nan, 3.0, math.inf], [0.0, 1.0, math.nan, math.inf])
    assert (pair.value, pair.images, pair.missing) == (1.0, 1, 3)


@pytest.mark.parametrize("values, mean", [([], math.nan), ([math.nan], math.nan), ([0.25], 0.25)])
def test_too_few_images_have_no_interval(values: list[float], mean: float) -> None:
    got = bootstrap_mean(values)
    assert got.value == pytest.approx(mean, nan_ok=True)
    assert math.isnan(got.low) and math.isnan(got.high)


def test_an_even_difference_is_certain() -> None:
    values = np.random.default_rng(2).normal(size=50)
    got = paired_difference(values + 0.25, values)
    assert (got.value, got.low, got.high) == pytest.approx((0.25, 0.25, 0.25))


def test_pairs_must_be_of_the_same_images() -> None:
    with pytest.raises(AuditError, match=r"got shapes \(3,\) and \(4,\)"):
        paired_difference([1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0])


def long_table(columns: dict[str, np.ndarray], measure: str = "road") -> pd.DataFrame:
    return pd.concat(
        [
            pd.DataFrame(
                {"image_id": range(len(values)), "method": method, "measure": measure,
                 "value": values}
            )
            for method, values in columns.items()
        ],
        ignore_index=True,
    )  # fmt: skip


def three_methods() -> dict[str, np.ndarray]:
    """`close` wins by a hair on images that vary a lot; `worse` loses the same on each."""
    generator = np.random.default_rng(5)
    images = generator.uniform(0, 1, 80)
    hair = generator.normal(0, 0.05, 80)
    return {
        "gradcam++": images,
        "close": images + hair - hair.mean() + 0.001,
        "worse": images - 0.05 - generator.uniform(0, 0.01, 80),
    }


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_comparison(better: str) -> None:
    columns = three_methods()
    sign = 1 if better == "higher" else -1
    columns = {method: sign * values for method, values in columns.items()}
    shuffled = long_table(columns).sample(frac=1, random_state=0)
    table = compare_methods(shuffled, {"road": better}, baselines=["worse"]).set_index("method")
    assert table["among_best"].to_dict() == {"gradcam++": True, "close": True, "worse": False}
    assert table["baseline"].to_dict() == {"gradcam++": False, "close": False, "worse": True}
    for method, values in columns.items():
        mean = bootstrap_mean(values)
        row = table.loc[method]
        assert row["value"] == pytest.approx(values.mean())
        assert (row["low"], row["high"]) == (mean.low, mean.high)
        assert (row["images"], row["missing"]) == (80, 0)
        if method == "gradcam++":
            assert row[["difference", "difference_low", "difference_high"]].isna().all()
        else:
            assert row["difference"] == pytest.approx((values - columns["gradcam++"]).mean())
            assert row["difference_low"] <= row["difference"] <= row["difference_high"]
    # Unpaired, the images' spread would hide what the pairs show.
    for one, other in (("worse", "gradcam++"), ("gradcam++", "worse")):
        assert table.loc[one, "high"] > table.loc[other, "low"]
    assert sign * table.loc["worse", "difference_high"] < 0


def test_comparison_with_missing_values_uses_the_images_of_both() -> None:
    columns = three_methods()
    columns["close"][3] = math.nan
    values = long_table(columns).drop(index=85)  # close, image 5
    table = compare_methods(values, {"road": "higher"}).set_index("method")
    assert (table.loc["close", "images"], table.loc["close", "missing"]) == (78, 2)
    both = np.delete(columns["close"] - columns["gradcam++"], [3, 5]).mean()
    assert table.loc["close", "difference"] == pytest.approx(both)


def test_comparison_without_reference_or_values() -> None:
    columns = {"a": np.array([0.1, 0.2, 0.3]), "b": np.full(3, math.nan)}
    table = compare_methods(long_table(columns), {"road": "higher"}).set_index("method")
    assert table["difference"].isna().all()
    assert table["among_best"].to_dict() == {"a": True, "b": False}
    assert (table.loc["b", "images"], table.loc["b", "missing"]) == (0, 3)


def test_measures_keep_their_order_and_their_images() -> None:
    values = pd.concat(
        [long_table({"a": np.arange(4.0)}, "road"), long_table({"a": np.arange(2.0)}, "deletion")]
    )
    table = compare_methods(values, {"deletion": "lower", "road": "higher"})
    assert table["measure"].tolist() == ["road", "deletion"]
    assert table["images"].tolist() == [4, 2]


def test_what_does_not_fit_is_an_error() -> None:
    values = long_table({"a": np.arange(4.0)})
    with pytest.raises(AuditError, match="higher or lower 'road' is better; known are deletion"):
        compare_methods(values, {"deletion": "lower"})
    with pytest.raises(AuditError, match="road of a is given twice for image 2"):
        compare_methods(pd.concat([values, values.iloc[2:3]]), {"road": "higher"})
