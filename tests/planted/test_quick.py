"""The quick form of the benchmark: one seed of one arm, from the renderer to the page."""

from pathlib import Path

import pandas as pd
import pytest

from tests.planted.dataset import MANIFESTS
from tests.planted.gates import check
from tests.planted.measured import Measured
from tests.planted.page import write_page
from tests.planted.run import QUICK, measure_all


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("planted")


@pytest.fixture(scope="module")
def measured(data: Path) -> list[Measured]:
    return measure_all(QUICK, data, print)


def test_each_arm_is_audited_with_and_without_masks(measured: list[Measured]) -> None:
    told = [(one.arm, one.seed, one.masked) for one in measured]
    assert told == [(arm, 0, masked) for arm in QUICK.arms for masked in (True, False)]
    for one in measured:
        mistakes, tested = one.mistakes, one.mistakes["tested"]
        assert len(mistakes) > 50
        assert tested.sum() >= 10
        assert mistakes.loc[tested, "reliance"].between(0, 1).all()
        assert 1 < one.forwards <= 1.4 + 1e-9


def test_the_second_pass_tells_driven_mistakes_from_others(measured: list[Measured]) -> None:
    """One small model is too few for the gate; far from chance it must be."""
    (gate,) = (gate for gate in check(measured) if gate.name == "AUROC, texture, masks")
    assert float(gate.figures.split()[0]) > 0.7, gate.figures


def test_the_truth_stands_in_the_order_of_the_manifest(
    data: Path, measured: list[Measured]
) -> None:
    for arm in QUICK.arms:
        folder = data / arm / "seed0"
        truth = pd.read_parquet(folder / "truth.parquet")
        manifest, bare = (pd.read_csv(folder / MANIFESTS[masked]) for masked in (True, False))
        assert truth["label"].tolist() == manifest["label"].tolist() == bare["label"].tolist()
        assert truth["background"].tolist() == manifest["background"].tolist()
        assert "mask_uri" in manifest and "mask_uri" not in bare
        assert not set(truth) & {"driven", "share"} & set(manifest)


def test_the_page_holds_every_gate(tmp_path: Path, measured: list[Measured]) -> None:
    gates = check(measured)
    text = write_page(tmp_path, measured, gates, 1.0).read_text()
    assert all(f"{gate.name} | {gate.figures}" in text for gate in gates)
    assert "{" not in text
    assert (tmp_path / "auroc.svg").read_text().count("<svg") == 1
