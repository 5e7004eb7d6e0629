"""What cannot be explained: one clear error each, before any work."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tasks.errors import AuditError
from tasks.views.class_choice import class_index
from tasks.views.explain import explain
from tasks.views.explain_plan import plan_explain
from tests.tasks.tiny_explain import request, write_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_world(tmp_path_factory.mktemp("bad"))
    (root / "text.png").write_text("no picture")
    (root / "empty.png").write_bytes(b"")
    cv2.imwrite(str(root / "long.png"), np.zeros((1, 2000, 3), np.uint8))
    return root


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"target_layer": "conv9"}, ["'conv9' is unknown", "'conv1'", "camaudit layers"]),
        ({"target_layer": "relu,conv9"}, ["'conv9' is unknown"]),
        ({"target_layer": "gap"}, ["'gap'", "no grid"]),
        ({"feature_layers": ("head",)}, ["'head'", "no grid"]),
        ({"build": "flat"}, ["no layer of the model puts out a grid"]),
        ({"build": "with_dict"}, ["returns dict", "expected one tensor"]),
        ({"build": "with_tuple"}, ["returns tuple", "expected one tensor"]),
        ({"build": "with_nan"}, ["'conv2.weight'", "NaN", "--weights"]),
        ({"crop": 2, "resize": 2}, ["fails on an input of 3 x 2 x 2", "--crop"]),
        ({"classes": ("snake",)}, ["'snake' is unknown", "0 to 6"]),
        ({"classes": ("7",)}, ["class 7", "0 to 6"]),
        ({"classes": ("crane",)}, ["several classes: 2, 3", "index"]),
        ({"images": ("none.png",)}, ["none.png", "FileNotFoundError"]),
        ({"images": ("text.png",)}, ["text.png", "not an image"]),
        ({"images": ("empty.png",)}, ["the file is empty"]),
        ({"images": ("a",)}, ["IsADirectoryError", "picture file"]),
        ({"images": ("long.png",)}, ["too long and thin"]),
        ({"method": "gradcam,guess"}, ["'guess' is unknown", "gradcam++"]),
        ({"crop": 64}, ["crop 64 is larger than resize 32"]),
    ],
)
def test_refused_before_any_work(world: Path, given: dict[str, Any], words: list[str]) -> None:
    given = dict(given)
    images = given.pop("images", ("a/1.png",))
    with pytest.raises(AuditError) as error:
        plan_explain(request(world, *images, **given))
    for word in words:
        assert word in str(error.value)


def test_logits_that_are_not_finite(world: Path) -> None:
    plan = plan_explain(request(world, build="with_huge"))
    with pytest.raises(AuditError, match=r"NaN or infinite for image .*1\.png"):
        explain(plan, "cpu")


def test_a_method_asked_for_that_cannot_be_had(world: Path) -> None:
    plan = plan_explain(request(world, method="cam", target_layer="conv1"))
    with pytest.raises(AuditError, match=r"method 'cam' fails: .*global pooling"):
        explain(plan, "cpu")


def test_a_layer_that_runs_twice(world: Path) -> None:
    plan = plan_explain(request(world, method="gradcam", feature_layers=("twice",)))
    with pytest.raises(AuditError, match=r"'twice' .* runs 2 times"):
        explain(plan, "cpu")


def test_a_target_layer_that_runs_twice(world: Path) -> None:
    plan = plan_explain(request(world, method="gradcam", target_layer="twice"))
    with pytest.raises(AuditError, match="'twice' ran 2 times"):
        explain(plan, "cpu")


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("dog", ["cat", "dog"], 1), ("DOG", ["cat", "Dog"], 1), ("1", ["cat", "dog"], 1),
        ("1", ["0", "2", "1"], 2), ("crane", ["Crane", "crane"], 1),
    ],
)  # fmt: skip
def test_class_by_name_or_index(text: str, names: list[str], expected: int) -> None:
    assert class_index(text, names) == expected
