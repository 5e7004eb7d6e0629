"""How many images a budget pays for, and what an image without donors counts for."""

from pathlib import Path

import pytest

from tasks.second_pass import plan as planning
from tasks.second_pass.plan import FORWARDS_PER_IMAGE, plan_second_pass
from tests.tasks.planted_scenes import GREEN_SHORTCUT, scene_audit, shortcut_scenes
from tests.tasks.tiny_audit import run_audit, table


def test_the_budget_is_used_and_never_exceeded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes = shortcut_scenes(5, 3)
    run = run_audit(scene_audit(tmp_path, scenes, GREEN_SHORTCUT, second_pass=0))
    for per_shard in (1, 2, 5, 32):
        monkeypatch.setattr(planning, "IMAGES_PER_SHARD", per_shard)
        for budget in (0, 0.4, 0.62, 0.7, 1.3, 3.7, 6.5, 12.9, 13.0, 13.1, 14.0, 100):
            tests = plan_second_pass(run, budget)
            images = len(tests.tests)
            assert [s.stop - s.start for s in tests.shards[:-1]] == [per_shard] * (
                len(tests.shards) - 1
            )

            def cost(number: int, size: int = per_shard) -> int:
                return number * FORWARDS_PER_IMAGE + -(-number // size)

            assert cost(images) <= budget * len(scenes)
            assert images == len(scenes) or cost(images + 1) > int(budget * len(scenes))


def test_an_image_without_donors_is_no_evidence_against_the_background(tmp_path: Path) -> None:
    run = run_audit(scene_audit(tmp_path, shortcut_scenes(1, 0)[:1], GREEN_SHORTCUT))
    verdict = table(run, "verdicts").iloc[0]
    assert verdict["stratum"] == "random" and verdict["verdict"] == "undetermined"
    whole = table(run, "background_stats").iloc[0]
    assert whole["group"] == "all" and whole["tested_correct"] == 1
    assert whole["leaning_share"] != whole["leaning_share"]
    assert (whole["leaning_low"], whole["leaning_high"]) == (0, 1)
