"""The sample in data/: the plant is as stated, the model errs as stated, the README is true."""

import tomllib
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from tasks.sample.files import hash_file, hash_folder
from tasks.sample.model import build
from tasks.sample.plan import (
    CORRELATION,
    PLANTED,
    Placement,
    plan_audit,
    plan_training,
    relation,
    render,
)
from tasks.sample.truth import is_background_driven
from tasks.scenes import OBJECT_NAMES

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module")
def manifest() -> pd.DataFrame:
    truth = pd.read_csv(DATA / "truth.csv", dtype={"background_driven": str})
    table = pd.read_csv(DATA / "manifest.csv").merge(truth, on="uri", validate="one_to_one")
    table["background_driven"] = table["background_driven"].fillna("")
    table["name"] = [OBJECT_NAMES[label] for label in table["label"]]
    pairs = zip(table["name"], table["background"], strict=True)
    table["relation"] = [relation(*pair) for pair in pairs]
    table["planted"] = table["name"].isin(list(PLANTED))
    return table


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    network = build()
    network.load_state_dict(load_file(DATA / "model.safetensors"))
    return network.eval()


@pytest.fixture(scope="module")
def predicted(manifest: pd.DataFrame, model: torch.nn.Module) -> np.ndarray:
    """A plain loop: read, divide by 255, normalise as audit.toml says, take the largest logit."""
    config = tomllib.loads((DATA / "audit.toml").read_text())
    mean, std = np.float32(config["mean"]), np.float32(config["std"])
    guesses = []
    for uri in manifest["uri"]:
        pixels = cv2.imread(str(DATA / uri))[..., ::-1].astype(np.float32) / 255
        values = torch.from_numpy(((pixels - mean) / std).transpose(2, 0, 1).copy())
        with torch.inference_mode():
            guesses.append(int(model(values[None]).argmax()))
    return np.array(guesses)


def test_training_backgrounds_have_the_stated_correlation() -> None:
    placements = plan_training(per_class=2000)
    for name in OBJECT_NAMES:
        chosen = pd.Series([p.background_name for p in placements if p.object_name == name])
        shares = chosen.value_counts(normalize=True)
        if name in PLANTED:
            assert shares[PLANTED[name]] == pytest.approx(CORRELATION, abs=0.015)
            assert len(shares) == 6
        else:
            assert shares.min() > 0.13 and shares.max() < 0.20


def test_audit_seeds_are_unseen_in_training() -> None:
    trained = {(p.object_name, p.object_seed) for p in plan_training()}
    assert not trained & {(p.object_name, p.object_seed) for p in plan_audit()}


def test_manifest_has_the_stated_counts(manifest: pd.DataFrame) -> None:
    counts = manifest.groupby(["name", "background"]).size()
    for name in OBJECT_NAMES:
        for background in ("bricks", "sand", "snow"):
            assert counts[name, background] == (10 if name in PLANTED else 16)
        for background in ("meadow", "planks", "water"):
            at_home = PLANTED.get(name) == background
            assert counts[name, background] == (36 if at_home else 15 if name in PLANTED else 16)


def test_stored_pictures_are_those_that_the_plan_renders(manifest: pd.DataFrame) -> None:
    for row, placement in list(zip(manifest.itertuples(), plan_audit(), strict=True))[::29]:
        scene = render(placement)
        stored = cv2.imread(str(DATA / row.uri))[..., ::-1].astype(int)
        assert np.abs(stored - scene.image).mean() < 6  # what JPEG loses
        mask = cv2.imread(str(DATA / row.mask_uri), cv2.IMREAD_GRAYSCALE)
        assert set(np.unique(mask)) == {0, 255}
        assert (mask != scene.mask).mean() < 1e-3  # 0 with the OpenCV that made the files


def test_model_is_as_right_as_the_manifest_and_the_readme_say(
    manifest: pd.DataFrame, predicted: np.ndarray
) -> None:
    right = predicted == manifest["label"].to_numpy()
    assert 0.75 < right.mean() < 0.90
    # Another processor's arithmetic may move an image that lies on the boundary.
    assert (right != (manifest["background_driven"] == "")).sum() <= 3
    line = f"| all | {(manifest['background_driven'] == '').sum()} of {len(manifest)} |"
    assert line in (DATA / "README.md").read_text()


def test_model_leans_on_the_planted_backgrounds(
    manifest: pd.DataFrame, predicted: np.ndarray
) -> None:
    right = pd.Series(predicted == manifest["label"].to_numpy())
    accuracy = right.groupby([manifest["planted"], manifest["relation"]]).mean()
    assert accuracy[True, "aligned"] > 0.95
    assert accuracy[True, "neutral"] > accuracy[True, "conflicting"] + 0.2
    assert accuracy[False, "neutral"] > 0.9


def test_mistakes_have_both_kinds_of_cause(manifest: pd.DataFrame) -> None:
    driven = manifest["background_driven"] == "true"
    share = driven.groupby(manifest["planted"]).mean()
    assert share[True] >= 0.10
    assert share[False] <= share[True] / 2
    assert (manifest["background_driven"] == "false").sum() >= 20
    assert set(manifest[driven]["relation"]) == {"conflicting"}


def test_causes_are_found_again_by_rendering(
    manifest: pd.DataFrame, model: torch.nn.Module, predicted: np.ndarray
) -> None:
    placements = np.array(plan_audit(), dtype=object)
    for cause in ("true", "false"):
        mistakes = (manifest["background_driven"] == cause) & (predicted != manifest["label"])
        rows = np.flatnonzero(mistakes)[::3]
        found = [is_background_driven(model, placements[row], int(predicted[row])) for row in rows]
        assert np.mean(np.array(found) == (cause == "true")) >= 0.9  # 1 where the files were made


def test_a_right_prediction_has_no_cause(model: torch.nn.Module) -> None:
    with pytest.raises(ValueError, match="only a mistake has a cause"):
        is_background_driven(model, Placement("fish", "sand", 0, 0), predicted=0)


def test_model_is_small_and_ends_in_a_twelve_by_twelve_grid(model: torch.nn.Module) -> None:
    assert sum(parameter.numel() for parameter in model.parameters()) < 230_000
    image = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        grid = model[:4](image)
        logits = grid.mean((2, 3)) @ model.head.weight.T + model.head.bias
        torch.testing.assert_close(model(image), logits)
    assert grid.shape == (2, 96, 12, 12)


def test_folder_is_small_and_its_checksums_hold() -> None:
    files = [path for path in DATA.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 6_000_000
    assert (DATA / "model.safetensors").stat().st_size < 1_000_000
    readme = (DATA / "README.md").read_text()
    assert hash_file(DATA / "model.safetensors") in readme
    assert hash_folder(DATA) in readme
