"""Cutting into shards, their keys, and the run folder of another audit."""

import os

import pytest
import torch

from tasks.config import AuditConfig
from tasks.errors import AuditError
from tasks.index.plan import plan_audit
from tasks.model.loading import load_model
from tests.tasks.tiny_audit import MODEL, configure, draw, draw_folders


@pytest.fixture
def config(tmp_path):
    return configure(tmp_path, draw_folders(tmp_path / "pics", 3), shard_size=4)


def keys(config: AuditConfig, **changes: object) -> list[str]:
    values = config.model_dump() | changes
    return [shard.key for shard in plan_audit(AuditConfig.model_validate(values)).shards]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1, [(i, i + 1) for i in range(9)]),
        (4, [(0, 4), (4, 8), (8, 9)]),
        (9, [(0, 9)]),
        (100, [(0, 9)]),
    ],
)
def test_shards_cover_the_manifest(config, size, expected):
    plan = plan_audit(config.model_copy(update={"shard_size": size}))
    assert [(s.start, s.stop) for s in plan.shards] == expected
    assert [s.index for s in plan.shards] == list(range(len(expected)))
    assert plan.facts["shards"] == len(expected) and plan.facts["images"] == 9


def test_planning_writes_nothing(config, tmp_path):
    plan_audit(config)
    assert not (tmp_path / "run").exists()


def test_keys_are_the_same_again_and_all_differ(config):
    assert keys(config) == keys(config)
    assert len(set(keys(config))) == 3


def test_what_is_of_no_account_leaves_the_keys(config, tmp_path):
    changes = {
        "workers": 7, "device": "auto", "title": "T", "note": "N", "scheduler": "tcp://x:1",
        "out": str(tmp_path / "other"),
    }  # fmt: skip
    for key, value in changes.items():
        assert keys(config, **{key: value}) == keys(config), key


@pytest.mark.parametrize(
    "change",
    [
        {"method": "gradcam"}, {"target": "probability"}, {"target_layer": "trunk.0"},
        {"exact": True}, {"fast_decode": True}, {"top_k": 2}, {"unit_layers": "trunk.0"},
        {"unit_top_k": 4}, {"resize": 40}, {"mean": (0.1, 0.1, 0.1)},
        {"interpolation": "bicubic"},
    ],
)  # fmt: skip
def test_what_the_tables_depend_on_changes_every_key(config, change):
    assert not set(keys(config, **change)) & set(keys(config))


def test_a_touched_file_changes_its_shard_alone(config, tmp_path):
    before = keys(config)
    os.utime(tmp_path / "pics" / "bee" / "2.png", (1, 1))  # row 5
    assert [a == b for a, b in zip(before, keys(config), strict=True)] == [True, False, True]


def test_a_label_changes_its_shard_alone(tmp_path):
    for name in "abc":
        draw(tmp_path / f"{name}.png")
    file = tmp_path / "m.csv"
    file.write_text("uri,label\na.png,0\nb.png,1\nc.png,2\n")
    config = configure(tmp_path, file, shard_size=1)
    before = keys(config)
    file.write_text("uri,label\na.png,0\nb.png,2\nc.png,2\n")
    assert [a == b for a, b in zip(before, keys(config), strict=True)] == [True, False, True]


def test_a_weight_changes_every_key(config, tmp_path):
    state = load_model(config.model, None).module.state_dict()
    torch.save(state, tmp_path / "w.pth")
    same = keys(config, weights=str(tmp_path / "w.pth"))
    assert same == keys(config)  # the same numbers from a file
    state["fc.bias"][0] += 1e-6
    torch.save(state, tmp_path / "w.pth")
    assert not set(keys(config, weights=str(tmp_path / "w.pth"))) & set(same)


def test_the_models_code_changes_every_key(config):
    before = keys(config)
    path, _, _ = config.model.rpartition(":")
    with open(path, "w") as file:
        file.write(MODEL.replace("self.trunk(x)", "self.trunk(x.flip(1))"))
    assert not set(keys(config)) & set(before)


def test_an_appended_image_leaves_whole_shards(config, tmp_path):
    before = keys(config)
    draw(tmp_path / "pics" / "cat" / "9.png")
    assert keys(config)[:2] == before[:2] and keys(config)[2] != before[2]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"target_layer": "trunk.9"}, ["trunk.9", "closest", "camaudit layers"]),
        ({"target_layer": "fc"}, ["'fc'", "no grid", "camaudit layers"]),
        ({"crop": 40}, ["crop 40", "resize 32"]),
        ({"model": "torchvision:resnet19"}, ["resnet19", "closest"]),
        ({"images": "/absent"}, ["/absent", "expected"]),
        ({"unit_layers": "trunk.9"}, ["trunk.9", "closest", "camaudit layers"]),
        ({"unit_layers": "trunk.0,trunk.0"}, ["names a layer twice", "each once"]),
        ({"unit_layers": "fc"}, ["fc", "no grid"]),
        ({"classes": "/absent.csv"}, ["/absent.csv"]),
        ({"annotations": "/absent.json"}, ["/absent.json"]),
        ({"weights": "/absent.pth"}, ["/absent.pth", "does not exist"]),
    ],
)
def test_what_cannot_work_is_one_error_and_nothing_is_written(config, tmp_path, change, says):
    with pytest.raises(AuditError) as error:
        keys(config, **change)
    for words in says:
        assert words in str(error.value)
    assert not (tmp_path / "run").exists()


def test_another_number_of_folders(config, tmp_path):
    draw(tmp_path / "pics" / "dog" / "0.png")
    with pytest.raises(AuditError, match=r"4 class folders.* 3 outputs.*--classes"):
        keys(config)


def test_a_run_folder_inside_the_images_is_refused(tmp_path):
    config = AuditConfig(images=str(tmp_path), model="m.py:build", out=str(tmp_path / "runs" / "a"))
    with pytest.raises(AuditError, match="lies inside the images"):
        plan_audit(config)
