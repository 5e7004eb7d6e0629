"""Faithfulness of models that are not torch modules in a file, and of real ones."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from tasks.faithfulness.plan import Options
from tasks.model.loading import load_model
from tests.tasks.measured_audit import finish, finished_audit, measure, write_manifest
from tests.tasks.tiny_audit import configure, table

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
PHOTOGRAPHS = DATA / "imagenette_val"


@pytest.mark.parametrize("batch", [None, 1, 3])
def test_an_exported_program_is_measured_as_its_model(tmp_path: Path, batch: int | None) -> None:
    options = Options(methods=("gradcam",), measures=("deletion_mean", "average_drop"), steps=4)
    of_model = finished_audit(tmp_path, 5, target_layer="trunk.4")
    measure(of_model, options)
    module = load_model(of_model.audit()["config"]["model"], None).module
    free = None if batch else ({0: torch.export.Dim("batch", min=1, max=64)},)
    example = (torch.randn(batch or 4, 3, 32, 32),)
    program = torch.export.export(module, example, dynamic_shapes=free)
    torch.export.save(program, tmp_path / "program.pt2")
    of_program = finish(
        configure(
            tmp_path, write_manifest(tmp_path, 5), model=str(tmp_path / "program.pt2"),
            out=str(tmp_path / "exported"), target_layer="trunk.4", resize=32, crop=32,
            mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.2),
        )
    )  # fmt: skip
    measure(of_program, options)
    one, other = table(of_model, "faithfulness"), table(of_program, "faithfulness")
    pd.testing.assert_frame_equal(one, other, rtol=0, atol=1e-4)


@pytest.mark.shared_data
@pytest.mark.skipif(not PHOTOGRAPHS.is_dir(), reason=f"the photographs are not at {DATA}")
def test_on_photographs_gradcam_beats_random_maps(tmp_path: Path) -> None:
    files = sorted(PHOTOGRAPHS.glob("n0*/*.*"))[::80]
    (tmp_path / "m.csv").write_text("uri\n" + "\n".join(map(str, files)) + "\n")
    config = configure(
        tmp_path, tmp_path / "m.csv", model="torchvision:mobilenet_v2", resize=232, crop=224,
        weights=str(DATA / "weights" / "mobilenet_v2.pth"), mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225), roots=(str(PHOTOGRAPHS),),
    )  # fmt: skip
    run = finish(config)
    measure(run, Options(("gradcam",), ("insertion_mean", "deletion_mean"), steps=5))
    means = table(run, "faithfulness_summary").set_index(["measure", "method"])["value"]
    # The centre map is left out: photographers centre objects, so it has a right to do well.
    assert means["insertion_mean", "gradcam"] > means["insertion_mean", "random map"]
    assert means["deletion_mean", "gradcam"] < means["deletion_mean", "random map"]
