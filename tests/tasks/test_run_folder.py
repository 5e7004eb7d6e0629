"""Run folders that hold another audit, something else, or half of one."""

import json
import os

import pytest

from tasks.errors import AuditError
from tasks.index.plan import plan_audit, write_plan
from tasks.tables.storage import RunFolder
from tests.tasks.tiny_audit import configure, draw, draw_folders, run_audit


@pytest.fixture
def config(tmp_path):
    return configure(tmp_path, draw_folders(tmp_path / "pics", 3), shard_size=4)


@pytest.mark.parametrize("change", [{"method": "gradcam"}, {"shard_size": 2}, {"top_k": 1}])
def test_a_run_folder_of_another_configuration_is_left_as_it_is(config, change):
    run = run_audit(config)
    before = {p: p.read_bytes() for p in run.root.rglob("*") if p.is_file()}
    with pytest.raises(AuditError) as error:
        plan_audit(config.model_copy(update=change))
    key, value = next(iter(change.items()))
    for words in (str(run.root), key, str(value), "--out"):
        assert words in str(error.value)
    assert {p: p.read_bytes() for p in run.root.rglob("*") if p.is_file()} == before


def test_a_folder_with_other_things_in_it_is_left_as_it_is(config, tmp_path):
    draw(tmp_path / "run" / "holiday.png")
    with pytest.raises(AuditError, match="holds no audit"):
        plan_audit(config)
    assert os.listdir(tmp_path / "run") == ["holiday.png"]


def test_a_run_folder_that_is_a_file(config, tmp_path):
    (tmp_path / "run").write_text("x")
    with pytest.raises(AuditError, match="run"):
        write_plan(plan_audit(config))


@pytest.mark.parametrize("text", ["{}", "[]", "null", '{"config": {}}', "{"])
def test_a_damaged_audit_file_is_one_error(config, text):
    write_plan(plan_audit(config))
    RunFolder(config.out).audit_file.write_text(text)
    with pytest.raises(AuditError, match="run"):
        write_plan(plan_audit(config))


def test_audit_json_is_json_of_the_standard(config):
    write_plan(plan_audit(config))

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    facts = json.loads(RunFolder(config.out).audit_file.read_text(), parse_constant=refuse)
    assert facts["model"]["num_classes"] == 3 and facts["classes"] == ["ant", "bee", "cat"]
