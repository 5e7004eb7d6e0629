"""What the model says of changed images: the stored numbers, whatever the shards and batches."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.config import AuditConfig
from tasks.index.plan import Plan, plan_audit
from tasks.second_pass import plan as planning
from tasks.second_pass.plan import plan_second_pass, write_second_pass_plan
from tasks.second_pass.shard import intervene_on_shard
from tasks.second_pass.verdicts import write_verdicts
from tasks.tables.storage import RunFolder
from tests.tasks.planted_scenes import (
    ALL_TESTED,
    GREEN_SHORTCUT,
    SIDE,
    compose,
    logits_of,
    scene_audit,
    shortcut_scenes,
)
from tests.tasks.tiny_audit import auditor_of, run_audit, table

SCENES = shortcut_scenes(5, 3)
KEY = ["image_id", "intervention", "draw", "donor_id"]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[AuditConfig, pd.DataFrame]:
    """A finished audit, and its evidence by row."""
    config = scene_audit(tmp_path_factory.mktemp("audit"), SCENES, GREEN_SHORTCUT)
    return config, table(run_audit(config), "evidence").sort_values(KEY, ignore_index=True)


def by_hand(row: Any) -> np.ndarray:
    """The changed image. The rim of a removed object is background, and that is one colour."""
    scene = SCENES[row.image_id]
    own, grey = scene.object_colour, (128, 128, 128)
    match row.intervention:
        case "empty":
            return compose(grey, grey)
        case "background_mean":
            return compose(own, grey)
        case "background_blurred":
            return scene.pixels()
        case "object_inpainted" | "object_mean":
            return compose(scene.background, scene.background)
        case "colours_matched":
            return evened_out(scene.pixels())
    return compose(own, SCENES[row.donor_id].background)


def evened_out(view: np.ndarray) -> np.ndarray:
    """Each channel with mean 127.5 and standard deviation 63.75; a flat one is its mean."""
    changed = np.empty(view.shape)
    for channel in range(3):
        values = [float(v) for v in view[:, :, channel].ravel()]
        mean = sum(values) / len(values)
        spread = (sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5
        scaled = [(v - mean) / spread * 63.75 + 127.5 if spread else 127.5 for v in values]
        changed[:, :, channel] = np.reshape(scaled, (SIDE, SIDE))
    return np.rint(np.clip(changed, 0, 255)).astype(np.uint8)


def test_the_numbers_are_those_of_the_model_on_pictures_made_by_hand(
    audited: tuple[AuditConfig, pd.DataFrame],
) -> None:
    config, evidence = audited
    verdicts = table(RunFolder(config.out), "verdicts").set_index("image_id")
    assert set(evidence["image_id"]) == set(range(len(SCENES)))
    for row in evidence.itertuples():
        logits = logits_of(by_hand(row), GREEN_SHORTCUT)
        probability = np.exp(logits) / np.exp(logits).sum()
        predicted, against = verdicts.loc[row.image_id, ["predicted", "against_idx"]]
        stored = [row.logit_predicted, row.logit_against]
        stored += [row.probability_predicted, row.probability_against]
        expected = [*logits[[predicted, against]], *probability[[predicted, against]]]
        assert stored == pytest.approx(expected, abs=2e-4), row
        highest = np.flatnonzero(logits > logits.max() - 1e-4)  # grey everywhere is a tie
        assert row.predicted in highest, row


def test_every_image_has_each_of_its_changes_once(
    audited: tuple[AuditConfig, pd.DataFrame],
) -> None:
    _, evidence = audited
    verdicts = table(RunFolder(audited[0].out), "verdicts").set_index("image_id")
    for image_id, rows in evidence.groupby("image_id"):
        number = rows["intervention"].value_counts().to_dict()
        once = ("background_blurred", "background_mean", "object_inpainted", "object_mean")
        assert number == dict.fromkeys((*once, "colours_matched", "empty"), 1) | {
            "donor_predicted": 2, "donor_against": 2, "donor_other": 4,
        }  # fmt: skip
        own = verdicts.loc[image_id]
        for kind, class_idx in (("predicted", own["predicted"]), ("against", own["against_idx"])):
            lent = rows.loc[rows["intervention"] == f"donor_{kind}", ["draw", "donor_id"]]
            assert sorted(lent["draw"]) == [0, 1] and lent["donor_id"].is_unique
            for donor in lent["donor_id"]:
                assert donor != image_id
                assert class_idx in verdicts.loc[donor, ["label", "predicted"]].tolist()


def test_pictures_show_the_changed_view(audited: tuple[AuditConfig, pd.DataFrame]) -> None:
    for row in audited[1].itertuples():
        if row.intervention == "empty":
            assert row.picture is None
            continue
        picture = Image.open(io.BytesIO(row.picture))
        assert (picture.format, picture.size, picture.mode) == ("JPEG", (SIDE, SIDE), "RGB")
        shown, view = np.asarray(picture).astype(int), by_hand(row).astype(int)
        for place in ((slice(12, 20), slice(12, 20)), (slice(0, 4), slice(0, 4))):
            assert np.abs(shown[place].mean(axis=(0, 1)) - view[place].mean(axis=(0, 1))).max() < 8


def test_pictures_are_kept_of_the_first_ones_only(
    audited: tuple[AuditConfig, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, _ = audited
    monkeypatch.setattr(planning, "PICTURES_KEPT", 8)
    tests = plan_second_pass(RunFolder(config.out), ALL_TESTED).tests.to_pandas()
    verdicts = table(RunFolder(config.out), "verdicts")
    wrong = verdicts[~verdicts["correct"]]
    right = verdicts[verdicts["correct"]].sort_values(
        ["score", "image_id"], ascending=[False, True]
    )
    expected = {*wrong["image_id"], *right["image_id"].head(8 - len(wrong))}
    assert set(tests["image_id"][tests["keep_pictures"]]) == expected


def second_pass(config: AuditConfig, plan: Plan, out: Path) -> pd.DataFrame:
    """The evidence that another second pass over the same first pass writes to `out`."""
    run = RunFolder(out)
    (out / "tables").mkdir(parents=True)
    (out / "audit.json").symlink_to(Path(config.out) / "audit.json")
    for folder in (Path(config.out) / "tables").iterdir():
        if folder.name not in ("evidence", "verdicts"):
            (out / "tables" / folder.name).symlink_to(folder)
    auditor = auditor_of(plan)
    tests = plan_second_pass(run, ALL_TESTED)
    write_second_pass_plan(run, tests)
    for shard in tests.shards:
        intervene_on_shard(auditor, str(out), shard)
    write_verdicts(run, tests)
    return table(run, "evidence").sort_values(KEY, ignore_index=True)


def test_the_evidence_does_not_depend_on_the_shards(
    audited: tuple[AuditConfig, pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, evidence = audited
    for size in (1, 5, 1000):
        monkeypatch.setattr(planning, "IMAGES_PER_SHARD", size)
        again = second_pass(config, plan_audit(config), tmp_path / str(size))
        pd.testing.assert_frame_equal(again, evidence, check_exact=True)
        verdicts = [
            table(RunFolder(root), "verdicts") for root in (config.out, tmp_path / str(size))
        ]
        pd.testing.assert_frame_equal(*verdicts, check_exact=True)


def test_the_evidence_does_not_depend_on_the_batch(
    audited: tuple[AuditConfig, pd.DataFrame], tmp_path: Path
) -> None:
    config, evidence = audited
    smaller = config.model_copy(update={"batch_size": 7})
    again = second_pass(config, plan_audit(smaller), tmp_path / "seven")
    pd.testing.assert_frame_equal(again, evidence, rtol=0, atol=1e-4)


def test_images_that_are_gone_are_left_out(
    audited: tuple[AuditConfig, pd.DataFrame], tmp_path: Path
) -> None:
    config, evidence = audited
    tested, lent = 0, set(evidence["donor_id"][evidence["intervention"] == "donor_other"])
    donor = min(lent - {tested})
    scenes = Path(config.images).parent
    plan = plan_audit(config)  # before they go: the first pass has seen them
    kept = {i: (scenes / f"{i:03d}.png").read_bytes() for i in (tested, donor)}
    try:
        (scenes / f"{tested:03d}.png").unlink()
        (scenes / f"{donor:03d}.png").write_bytes(b"no picture")
        again = second_pass(config, plan, tmp_path / "gone")
    finally:
        for i, content in kept.items():
            (scenes / f"{i:03d}.png").write_bytes(content)
    verdicts, gone = table(RunFolder(tmp_path / "gone"), "verdicts"), [tested, donor]
    expected = evidence[~evidence["image_id"].isin(gone) & ~evidence["donor_id"].isin(gone)]
    columns = [name for name in expected if name not in ("draw", "picture")]
    pd.testing.assert_frame_equal(
        again[columns], expected[columns].reset_index(drop=True), check_exact=True
    )
    left_out = verdicts.set_index("image_id").loc[gone]
    assert left_out["stratum"].isna().all() and left_out["inclusion"].isna().all()
    assert left_out["verdict"].isin(["suspected", "undetermined"]).all()
    assert verdicts["stratum"].notna().sum() == len(SCENES) - 2
