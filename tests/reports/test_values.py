"""The numbers on the pages against the same numbers counted from what was written."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from reports.quantities import Rate, mean_of
from tests.reports.page import Page
from tests.reports.small_run import CLASSES, IMAGES, SmallRun


def percent_with_interval(successes: int, trials: int) -> str:
    bounds = binomtest(successes, trials).proportion_ci(method="wilson")
    share = 100 * successes / trials
    return f"{share:.1f} % [{100 * bounds.low:.1f}, {100 * bounds.high:.1f}]"


def test_accuracy_has_its_interval_and_denominator(run: SmallRun, report: Path) -> None:
    right = sum(row["correct"] for row in run.rows["predictions"])
    expected = f"Accuracy {percent_with_interval(right, IMAGES)} of {IMAGES} images"
    assert expected in Page(report / "index.html").text


def test_unread_images_are_counted_but_bad_masks_are_not(report: Path) -> None:
    text = Page(report / "index.html").text
    assert f"{percent_with_interval(IMAGES, IMAGES + 2)} of 42 images" in text
    assert "2 images could not be audited" in text
    assert "1 mask could not be used" in text


def test_object_energy_stands_beside_its_baseline(run: SmallRun, report: Path) -> None:
    energies = np.array(
        [r["object_energy"] for r in run.rows["heatmaps"] if r["role"] == "label"], dtype=float
    )
    energies = energies[~np.isnan(energies)]
    half = 1.959964 * energies.std(ddof=1) / len(energies) ** 0.5
    low, high = energies.mean() - half, energies.mean() + half
    stats = [row for row in run.rows["class_stats"] if row["masked_images"]]
    area = sum(r["object_area"] * r["masked_images"] for r in stats) / len(energies)
    text = Page(report / "index.html").text
    assert (
        f"Energy on the object {100 * energies.mean():.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
        f" mean over {len(energies)} images"
    ) in text
    assert f"the object's area: {100 * area:.1f} %" in text


def test_empty_and_non_finite_maps_are_counted(report: Path) -> None:
    text = Page(report / "index.html").text
    assert f"{percent_with_interval(1, IMAGES)} of 40 maps" in text
    assert "1 map empty, 1 not finite" in text


@pytest.mark.parametrize("class_idx", range(3))
def test_class_row_is_that_of_the_table(run: SmallRun, report: Path, class_idx: int) -> None:
    stats = run.rows["class_stats"][class_idx]
    wrong = stats["images"] - stats["correct"]
    cells = Page(report / "index.html").row(CLASSES[class_idx])
    assert cells[1] == str(stats["images"])
    assert cells[2] == percent_with_interval(wrong, stats["images"])
    precision = 100 * stats["correct"] / stats["predicted_images"]
    assert cells[3] == f"{precision:.1f} % of {stats['predicted_images']}"


def test_classes_stand_by_error_rate(run: SmallRun, report: Path) -> None:
    links = [a["href"] for a in Page(report / "index.html").all("a") if "href" in a]
    order = [int(link[8:-5]) for link in links if link.startswith("classes/")][1:5]
    stats = run.rows["class_stats"]
    rates = [
        1 - stats[i]["correct"] / stats[i]["images"] if stats[i]["images"] else -1 for i in order
    ]
    assert sorted(order) == [0, 1, 2, 3]
    assert rates == sorted(rates, reverse=True)


def test_confused_pairs_have_counts_and_shares(run: SmallRun, report: Path) -> None:
    page = Page(report / "index.html")
    for row in run.rows["confusions"]:
        if row["label"] == row["predicted"]:
            continue
        images = run.rows["class_stats"][row["label"]]["images"]
        cells = page.row(f"{CLASSES[row['label']]} → {CLASSES[row['predicted']]}")
        assert cells[1] == str(row["images"])
        assert cells[2] == f"{percent_with_interval(row['images'], images)} of {images}"


def test_class_page_shows_the_largest_losses_first(run: SmallRun, report: Path) -> None:
    mistakes = [r for r in run.rows["predictions"] if r["label"] == 1 and not r["correct"]]
    worst = sorted(mistakes, key=lambda row: -row["loss"])
    images = [i["src"] for i in Page(report / "classes" / "1.html").all("img")]
    shown = [src for src in images if src.startswith("../images/")][: len(worst)]
    assert shown == [f"../images/{row['image_id']}.jpg" for row in worst]


def test_every_mistake_is_a_case_with_its_numbers(run: SmallRun, report: Path) -> None:
    text = Page(report / "mistakes-1.html").text
    mistakes = [row for row in run.rows["predictions"] if not row["correct"]]
    assert f"All {len(mistakes)} mistakes" in text
    for row in mistakes:
        assert (
            f"Predicted at {100 * row['probability']:.1f} % "
            f"Label at {100 * row['label_probability']:.1f} % "
            f"Margin −{-row['margin']:.2f} logits Loss {row['loss']:.2f} nats"
        ) in text


def test_rate_and_mean_of_nothing_are_missing() -> None:
    assert np.isnan([Rate(0, 0).value, Rate(0, 0).low, mean_of([np.nan]).value]).all()
    assert mean_of([1.0, np.nan]).count == 1
    assert np.isnan(mean_of([1.0]).low)


def test_border_share_stands_beside_that_of_an_even_map(report: Path) -> None:
    cells = Page(report / "index.html").row("Energy in the outermost cells")
    assert cells[-1] == f"{100 * 24 / 49:.1f} %"
