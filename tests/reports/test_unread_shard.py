"""Reports of audits with a shard of which no image could be read."""

from pathlib import Path

import numpy as np

from reports.build import build_report
from reports.explorer.features import collect_features
from reports.tables import load_tables
from tests.tasks.tiny_audit import configure, draw_folders, run_audit


def test_its_images_change_nothing_of_the_others(tmp_path: Path) -> None:
    draw_folders(tmp_path / "good", 4)
    draw_folders(tmp_path / "some", 4)
    for i in range(4):
        (tmp_path / "some" / "bee" / f"bad {i}.png").write_bytes(b"no image")
    # Shards of one image: four of them hold nothing but what cannot be read.
    runs = [run_audit(configure(tmp_path / f"of {name}", tmp_path / name, shard_size=1))
            for name in ("good", "some")]  # fmt: skip
    good, some = (collect_features(load_tables(run)) for run in runs)
    np.testing.assert_array_equal(some.units, good.units)
    np.testing.assert_allclose(some.strengths, good.strengths, rtol=1e-4)
    np.testing.assert_array_equal(some.neighbours, good.neighbours)


def test_where_no_image_could_be_read_there_is_a_report(tmp_path: Path) -> None:
    for name in ("ant", "bee", "cat"):
        (tmp_path / "pics" / name).mkdir(parents=True)
        (tmp_path / "pics" / name / "0.png").write_bytes(b"no image")
    page = build_report(run_audit(configure(tmp_path, tmp_path / "pics")).root)
    assert "3 images could not be audited" in " ".join(page.read_text().split())
