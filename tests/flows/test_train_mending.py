"""`camaudit train` mends a model as a user asks it to, and says so."""

from pathlib import Path

import pytest

from tests.flows.test_train_command import call
from tests.tasks.mended_scenes import write_walls
from tests.tasks.tiny_audit import write_model


@pytest.fixture(scope="module")
def walls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_walls(tmp_path_factory.mktemp("walls"))


def test_the_last_layer_and_how_groups_fare(walls: Path, tmp_path: Path) -> None:
    given = ["--images", walls, "--model", write_model(tmp_path / "code"), "--way", "dfr",
             "--group-by", "wall", "--out", tmp_path / "out"]  # fmt: skip
    first = call(*given)
    assert first.exit_code == 0, first.output
    assert "30 images of split 'train' are left out." in first.stderr
    for said in (
        "The last layer was learnt anew from 36 held-out images",
        "Worst group before: 0.0 % of 4 images (0|brown)",
        "Worst group after: 100.0 % of 4 images (0|brown); mean over 9 groups 100.0 %",
    ):
        assert said in first.stdout
    again = call(*given)
    assert "Nothing to do" in again.stderr
    assert again.stdout.splitlines()[-1] == str(tmp_path / "out")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--way", "dfr"], "way dfr needs groups to even out; give --group-by TAG"),
        (["--way", "dfr", "--group-by", "floor"], "no image has a tag 'floor' to group by"),
        (["--way", "finetune", "--mend", "reweight"], "mend reweight needs groups"),
        (["--way", "finetune", "--suggestions", "absent.csv"], "cannot be read"),
    ],
)
def test_what_cannot_be_mended_is_told_and_nothing_is_written(
    walls: Path, tmp_path: Path, flags: list[str], says: str
) -> None:
    model = write_model(tmp_path / "code")
    result = call("--images", walls, "--model", model, "--out", tmp_path / "out", *flags)
    assert result.exit_code == 1
    assert says in result.stderr and "Traceback" not in result.output
    assert not (tmp_path / "out").exists()
