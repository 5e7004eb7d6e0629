"""Exported programs, with a fixed and with a free batch."""

import numpy as np
import pytest
import torch

from tasks.errors import AuditError
from tasks.model.loading import load_model, model_digest
from tests.tasks.tiny_audit import configure, draw_folders, run_audit, table, write_model

# The tiny model's own; an exported program states none.
STATED = {"resize": 32, "crop": 32, "mean": (0.5, 0.4, 0.3), "std": (0.2,) * 3}


@pytest.fixture
def export(tmp_path):
    module = load_model(write_model(tmp_path / "code"), None).module

    def to_file(batch: int | None) -> str:
        images = torch.randn(batch or 4, 3, 32, 32)
        free = None if batch else ({0: torch.export.Dim("batch", min=1, max=64)},)
        program = torch.export.export(module, (images,), dynamic_shapes=free)
        torch.export.save(program, tmp_path / "program.pt2")
        return str(tmp_path / "program.pt2")

    return module, to_file


@pytest.mark.parametrize("batch", [None, 1, 3])
def test_the_program_gives_the_models_logits(export, batch):
    module, to_file = export
    file = to_file(batch)
    loaded = load_model(file, None)
    assert loaded.fixed_batch == batch
    images = torch.randn(batch or 5, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(loaded.module(images), module(images), atol=1e-5)
    assert model_digest(loaded.module) == model_digest(load_model(file, None).module)


@pytest.mark.parametrize("batch", [None, 1, 3])
def test_an_audit_of_the_program_is_that_of_the_model(export, tmp_path, batch):
    images = draw_folders(tmp_path / "pics", 3)
    config = configure(tmp_path, images, target_layer="trunk.4")
    first = table(run_audit(config), "predictions")
    change = {"model": export[1](batch), "out": str(tmp_path / "exported"), **STATED}
    run = run_audit(config.model_copy(update=change))
    second = table(run, "predictions")
    assert first["predicted"].equals(second["predicted"])
    logits = [np.stack(t["top_k_logit"]) for t in (first, second)]
    np.testing.assert_allclose(*logits, rtol=1e-4, atol=1e-4)
    assert len(table(run, "failures")) == 0


def test_weights_beside_a_program_are_refused(export):
    with pytest.raises(AuditError, match="holds its own weights"):
        load_model(export[1](None), "w.pth")


def test_without_preprocessing_the_flags_to_give_are_named(export, tmp_path):
    config = configure(tmp_path, draw_folders(tmp_path / "pics", 1), model=export[1](None))
    with pytest.raises(AuditError) as error:
        run_audit(config)
    for flag in ("--resize", "--crop", "--mean", "--std"):
        assert flag in str(error.value)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04"])
def test_a_file_that_is_no_program_is_one_error_without_a_traceback(tmp_path, caplog, content):
    (tmp_path / "p.pt2").write_bytes(content)
    with pytest.raises(AuditError, match=r"p\.pt2 is no exported program: .*zip archive"):
        load_model(str(tmp_path / "p.pt2"), None)
    assert not caplog.records
