"""What an audit does by itself on a GPU, asked of a CPU: autocast, compiling, copies beside."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tasks.explain import auditor as auditor_module
from tasks.explain.auditor import Auditor
from tasks.explain.transfer import Transfer
from tasks.index.plan import plan_audit, write_plan
from tasks.tables.table_names import SHARD_TABLES
from tests.tasks.tiny_audit import auditor_of, configure, draw_folders, run_audit, table


@pytest.fixture
def on_gpu(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """As if the CPU were a GPU with bfloat16; batch sizes that are compiled for."""
    sizes: list[int] = []

    def compiled(forward, **_):
        def run(images):
            if not sizes or sizes[-1] != len(images):
                sizes.append(len(images))
            return forward(images)

        return run

    monkeypatch.setattr(auditor_module, "accelerated", lambda _device: (torch.bfloat16, True))
    monkeypatch.setattr(torch, "compile", compiled)
    return sizes


def accelerated_auditor(folder: Path, **changes: object) -> Auditor:
    plan = plan_audit(configure(folder, draw_folders(folder / "pics", 3), **changes))
    write_plan(plan)
    return auditor_of(plan)


def test_a_cpu_runs_as_before(tmp_path: Path) -> None:
    trunk = accelerated_auditor(tmp_path).trunk
    assert trunk == {"folded": True, "autocast": None, "compiled": False, "fallbacks": []}


def test_half_precision_and_compiled_for_the_batch(tmp_path: Path, on_gpu: list[int]) -> None:
    auditor = accelerated_auditor(tmp_path, target_layer="trunk")
    expected = {"folded": True, "autocast": "bfloat16", "compiled": True, "fallbacks": []}
    for halvings, sizes in ((0, [4]), (1, [4, 2])):
        auditor.limit.start(halvings)
        auditor.logits(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))
        assert auditor.trunk == expected and on_gpu == sizes


def test_exact_is_exact(tmp_path: Path, on_gpu: list[int]) -> None:
    trunk = accelerated_auditor(tmp_path, exact=True).trunk
    assert trunk == {"folded": False, "autocast": None, "compiled": False, "fallbacks": []}


def test_a_whole_audit_is_near_that_in_float32(
    tmp_path: Path, on_gpu: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pics = draw_folders(tmp_path / "pics", 3)
    half = run_audit(configure(tmp_path, pics, out=str(tmp_path / "half"), target_layer="trunk"))
    assert on_gpu
    monkeypatch.undo()
    whole = run_audit(configure(tmp_path, pics, out=str(tmp_path / "whole"), target_layer="trunk"))
    found, expected = (np.stack(table(run, "predictions")["top_k_logit"]) for run in (half, whole))
    largest = np.abs(expected).max()
    assert 0 < np.abs(found - expected).max() < 0.015 * largest


def test_memory_that_runs_out_when_the_result_is_awaited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pics = draw_folders(tmp_path / "pics", 5)
    small = run_audit(configure(tmp_path, pics, batch_size=3, out=str(tmp_path / "small")))
    to_host = Transfer.to_host

    def short_of_memory(self, tensors):
        if len(tensors["logits"]) <= 3:
            return to_host(self, tensors)

        def arrived():
            raise torch.OutOfMemoryError("CUDA out of memory")

        return arrived

    monkeypatch.setattr(Transfer, "to_host", short_of_memory)
    large = run_audit(configure(tmp_path, pics, batch_size=6, out=str(tmp_path / "large")))
    for name in SHARD_TABLES:
        assert table(small, name).astype(str).equals(table(large, name).astype(str)), name


def test_the_next_batch_is_begun_before_rows_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    start = Auditor.start

    def noted(self, images):
        told.append(f"start {images[0].image_id}")
        result = start(self, images)

        def wait():
            told.append(f"rows {images[0].image_id}")
            return result()

        return wait

    monkeypatch.setattr(Auditor, "start", noted)
    run_audit(configure(tmp_path, draw_folders(tmp_path / "pics", 3)))
    assert told == ["start 0", "start 4", "rows 0", "start 8", "rows 4", "rows 8"]
