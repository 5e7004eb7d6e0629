"""Trainings that mend, whole: the last layer, weights by group, other backgrounds, lists."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from tasks.errors import AuditError
from tasks.images.decoding import decode_image
from tasks.model.loading import load_model
from tasks.training.mending import groups_of, mended_weights
from tasks.training.mending_words import mending_lines
from tasks.training.other_backgrounds import replaced_backgrounds
from tasks.training.plan import TrainPlan, plan_training
from tasks.training.replaced import ReplacedBackgrounds
from tasks.training.stage import train
from tests.tasks.mended_scenes import Quiet, configure_training, write_walls


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_walls(tmp_path_factory.mktemp("walls"))


def planned(folder: Path, manifest: Path, **changes: Any) -> TrainPlan:
    return plan_training(configure_training(folder, manifest, **changes), "cpu")


def pooled(module: torch.nn.Module, manifest: Path, uris: list[str]) -> np.ndarray:
    """The features by hand: decoded, normalised as the model states, the trunk, the mean."""
    mean, std = np.array([0.5, 0.4, 0.3]), np.array([0.2] * 3)
    found = []
    for uri in uris:
        pixels = decode_image((manifest.parent / uri).read_bytes()) / 255
        view = torch.from_numpy(((pixels - mean) / std).transpose(2, 0, 1)).float()
        with torch.no_grad():
            found.append(module.trunk(view[None]).mean(dim=(2, 3))[0].numpy())  # type: ignore[operator,union-attr]
    return np.stack(found).astype(np.float64)


def accuracies(right: np.ndarray, rows: pd.DataFrame) -> dict[str, float]:
    names = [f"{label}|{wall}" for label, wall in zip(rows["label"], rows["wall"], strict=True)]
    return {n: float(right[np.array(names) == n].mean()) for n in set(names)}


def test_only_the_last_layer_is_learnt_anew(tmp_path: Path, manifest: Path) -> None:
    plan = planned(tmp_path, manifest)
    content = train(plan, Quiet())
    base = load_model(plan.config.model, None).module
    mended = load_model(str(tmp_path / "out"), None).module
    before, after = base.state_dict(), mended.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"fc.weight", "fc.bias"}

    rows = pd.read_csv(manifest).query("split == 'val'")
    features, labels = pooled(base, manifest, rows["uri"].tolist()), rows["label"].to_numpy()
    groups = content["results"]["groups"]
    old = features @ before["fc.weight"].numpy().T + before["fc.bias"].numpy()
    told = accuracies(old.argmax(axis=1) == labels, rows)
    assert groups["before"]["worst_accuracy"] == pytest.approx(min(told.values()))
    assert groups["before"]["mean"] == pytest.approx(np.mean(list(told.values())))
    new = features @ after["fc.weight"].numpy().T + after["fc.bias"].numpy()
    found = accuracies(new.argmax(axis=1) == labels, rows)
    assert min(found.values()) > min(told.values())
    assert set(groups["sizes"].values()) == {4}
    assert content["results"]["last_layer"]["images"] == 36
    assert content["results"]["last_layer"]["images_per_group_and_draw"] == 4
    assert content["results"]["images"]["train"] == 0


def test_the_words_after_a_training(tmp_path: Path, manifest: Path) -> None:
    lines = mending_lines(train(planned(tmp_path, manifest), Quiet())["results"])
    assert lines[0].startswith("The last layer was learnt anew from 36 held-out images, 4 of each")
    assert [line.split(":")[0] for line in lines[1:]] == ["Worst group before", "Worst group after"]
    assert mending_lines({}) == []
    missing = {"sizes": {"a|b": 1}, "missing": list("abcdefg"), "before": None}
    part = {"worst": "a|b", "worst_accuracy": 0.5, "worst_images": 2, "mean": 0.5}
    assert mending_lines({"groups": {**missing, "after": part}}) == [
        "Worst group after: 50.0 % of 2 images (a|b); mean over 1 groups 50.0 %",
        "No image that measures is of: a, b, c, d, e and 2 more",
    ]
    made = {"pictures": 8, "images": 4, "without_mask_or_box": 3, "object_or_file_unfit": 0}
    told = mending_lines({"composites": {**made, "manifest": "m.csv"}})
    assert told[0] == (
        "4 images stand on 8 other backgrounds half of the time; look at them: m.csv"
    )
    assert told[1:] == ["Images that keep their background: 3 without mask or box"]


def test_weights_even_out_the_groups_of_each_class_in_each_split(
    tmp_path: Path, manifest: Path
) -> None:
    config = configure_training(tmp_path, manifest, way="finetune", mend="reweight")
    plan = plan_training(config, "cpu")
    groups = groups_of(config, plan.examples, None)
    assert groups is not None
    weights = mended_weights(config, plan.examples, groups, None)
    rows = pd.read_csv(manifest)
    # Ten training images of a class: eight before its wall, two before another.
    own = rows["wall"] == rows["label"].map(dict(enumerate(("brown", "teal", "plum"))))
    trains = (rows["split"] == "train").to_numpy()
    np.testing.assert_allclose(weights[trains & own], 10 / (2 * 8))
    np.testing.assert_allclose(weights[trains & ~own], 10 / (2 * 2))
    np.testing.assert_allclose(weights[~trains], 1)


def test_objects_stand_on_other_backgrounds_half_of_the_time(
    tmp_path: Path, manifest: Path
) -> None:
    changes = {"way": "finetune", "mend": "backgrounds", "composites": 2, "epochs": 2}
    plan = planned(tmp_path, manifest, head_epochs=1, **changes)
    content = train(plan, Quiet())
    made = content["results"]["composites"]
    assert (made["images"], made["pictures"], made["without_mask_or_box"]) == (30, 60, 0)
    pictures = pd.read_csv(made["manifest"])
    assert len(pictures) == 60
    held_out = set(pd.read_csv(manifest).query("split == 'val'")["uri"])
    sources = {Path(uri).name for column in ("source_uri", "donor_uri") for uri in pictures[column]}
    assert sources.isdisjoint(held_out)
    assert content["results"]["groups"]["before"] is not None

    replaced, _ = replaced_backgrounds(plan, plan.examples, Quiet().advancing)
    assert isinstance(replaced, ReplacedBackgrounds)
    drawn = Counter(
        replaced.draw(row, epoch) is not None for row in range(30) for epoch in range(1, 41)
    )
    assert 540 < drawn[True] < 660  # of 1,200; six standard deviations are 104
    assert all(replaced.draw(row, 1) is None for row in range(30, 66))
    again, _ = replaced_backgrounds(plan, plan.examples, Quiet().advancing)
    assert isinstance(again, ReplacedBackgrounds)
    for row in range(5):
        first, second = replaced.draw(row, 3), again.draw(row, 3)
        assert (first is None) == (second is None)
        assert first is None or second is None or torch.equal(first, second)


def test_a_stored_picture_that_is_damaged_is_told(tmp_path: Path, manifest: Path) -> None:
    plan = planned(tmp_path, manifest, way="finetune", mend="backgrounds", composites=1)
    _, facts = replaced_backgrounds(plan, plan.examples, Quiet().advancing)
    pictures = Path(facts["composites"]["manifest"])
    first = pictures.parent / pd.read_csv(pictures)["uri"][0]
    first.write_bytes(first.read_bytes()[:-40])
    with pytest.raises(AuditError, match=r"1 stored pictures.*truncated JPEG.*Remove .*composites"):
        replaced_backgrounds(plan, plan.examples, Quiet().advancing)


def test_a_list_without_images_to_augment_is_told(tmp_path: Path, manifest: Path) -> None:
    file = listed(tmp_path, manifest, [{"uri": "000.png", "action": "collect", "group": "a|b"}])
    plan = planned(tmp_path, manifest, way="finetune", mend="backgrounds", suggestions=file)
    with pytest.raises(AuditError, match="names no image that trains to augment"):
        replaced_backgrounds(plan, plan.examples, Quiet().advancing)


def listed(folder: Path, manifest: Path, rows: list[dict[str, Any]]) -> str:
    """A list of suggestions about images of the manifest, by their names."""
    full = [
        {
            "label": "", "finding": "f", "suggested_label": "", "label_decided": "",
            "reason": "", "rank": rank, "group": "", "weight": 1.0,
            **row, "uri": str(manifest.parent / row["uri"]),
        }
        for rank, row in enumerate(rows)
    ]  # fmt: skip
    file = folder / "list.csv"
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(full).to_csv(file, index=False)
    return str(file)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_list_leaves_out_relabels_weighs_and_groups(
    tmp_path: Path, manifest: Path, suffix: str
) -> None:
    file = listed(
        tmp_path, manifest,
        [
            {"uri": "000.png", "action": "relabel"},
            {"uri": "001.png", "action": "relabel", "label_decided": "2"},
            {"uri": "002.png", "action": "collect", "group": "0|rare", "weight": 5.0},
            {"uri": "003.png", "action": "augment"},
        ],
    )  # fmt: skip
    if suffix == ".parquet":
        table = pd.read_csv(file, keep_default_na=False)
        file = str(tmp_path / "list.parquet")
        table.replace("", None).to_parquet(file)
    changes = {"way": "finetune", "mend": "reweight", "group_by": None, "suggestions": file}
    plan = planned(tmp_path, manifest, **changes)
    names = [Path(uri).name for uri in plan.examples.uris]
    assert names[:3] == ["001.png", "002.png", "003.png"]
    assert plan.examples.labels[0] == 2
    assert plan.examples.left_out == {"of a doubtful label": 1}
    groups = groups_of(plan.config, plan.examples, plan.suggested)
    assert groups is not None
    assert groups[1] == "0|rare"
    assert Counter(groups)["class 0|not told"] + Counter(groups)["0|not told"] == 8 + 12 - 1
    weights = mended_weights(plan.config, plan.examples, groups, plan.suggested)
    assert weights[1] == pytest.approx(5 * weights[0])
    assert weights[:29].mean() == pytest.approx(1)
    np.testing.assert_allclose(weights[29:], 1)

    backgrounds = {**changes, "mend": "backgrounds", "out": str(tmp_path / "other")}
    plan = planned(tmp_path, manifest, **backgrounds)
    _, facts = replaced_backgrounds(plan, plan.examples, Quiet().advancing)
    assert facts["composites"]["images"] == 1
    told = json.loads(json.dumps(plan.identity()))
    assert told["suggestions"]["augment"] == [str(manifest.parent / "003.png")]


GOOD = {"uri": "000.png", "action": "collect", "group": "a|b"}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"uri": "999.png"}, r"1 of 1 images of .*list\.csv are not among the 66.*999\.png"),
        ({"action": "delete"}, "action 'delete' is unknown; expected relabel, collect, augment"),
        ({"weight": 0}, "weight '0' is no number above 0"),
        ({"weight": "much"}, "weight 'much' is no number above 0"),
        ({"action": "relabel", "label_decided": "zebra"}, "label_decided 'zebra' is no class"),
    ],
)
def test_a_bad_list_is_told(tmp_path: Path, manifest: Path, row: dict[str, Any], says: str) -> None:
    file = listed(tmp_path, manifest, [{**GOOD, **row}])
    with pytest.raises(AuditError, match=says):
        planned(tmp_path, manifest, way="finetune", suggestions=file)


def test_a_file_that_is_no_list_is_told(tmp_path: Path, manifest: Path) -> None:
    for content, says in ((b"a,b\n1,2\n", "lack uri, action"), (b"", "cannot be read")):
        (tmp_path / "list.csv").write_bytes(content)
        with pytest.raises(AuditError, match=says):
            planned(tmp_path, manifest, suggestions=str(tmp_path / "list.csv"))
    with pytest.raises(AuditError, match="cannot be read"):
        planned(tmp_path, manifest, suggestions=str(tmp_path / "absent.parquet"))


def test_a_tag_that_is_not_there_stops_before_any_work(tmp_path: Path, manifest: Path) -> None:
    with pytest.raises(AuditError, match="no image has a tag 'floor' to group by; known tags: w"):
        planned(tmp_path, manifest, group_by="floor")
    assert not (tmp_path / "out").exists()


def test_no_masks_for_other_backgrounds(tmp_path: Path, manifest: Path) -> None:
    bare = manifest.with_name("bare.csv")
    pd.read_csv(manifest).drop(columns="mask_uri").to_csv(bare, index=False)
    with pytest.raises(AuditError, match=r"none of the 30 images .* has a mask or box"):
        planned(tmp_path, bare, way="finetune", mend="backgrounds", epochs=1)


def test_a_group_with_one_image_stops_before_any_work(tmp_path: Path, manifest: Path) -> None:
    rows = pd.read_csv(manifest)
    rows.loc[len(rows) - 1, "wall"] = "lonely"
    rows.to_csv(manifest.with_name("lonely.csv"), index=False)
    with pytest.raises(AuditError, match=r"1 of 10 groups have one held-out image.*lonely"):
        planned(tmp_path, manifest.with_name("lonely.csv"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"group_by": None}, "way dfr needs groups to even out; give --group-by"),
        (
            {"way": "finetune", "mend": "reweight", "group_by": None},
            "mend reweight needs groups to even out",
        ),
        ({"mend": "reweight"}, "way 'dfr' mends by itself"),
        ({"way": "features", "mend": "backgrounds"}, "looks at each image once"),
        ({"cam_head": "gap"}, "keeps all but the last layer"),
        ({"mend": "magic"}, "Input should be 'reweight' or 'backgrounds'"),
        ({"composites": 0}, "greater than 0"),
    ],
)
def test_configurations_that_cannot_be(
    tmp_path: Path, manifest: Path, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValidationError, match=says):
        configure_training(tmp_path, manifest, **changes)
