"""Pictures with replaced backgrounds: flat scenes, whose every pixel is known beforehand."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from tasks.errors import AuditError
from tasks.images.preprocessing import Preprocessing
from tasks.index.manifest import build_manifest
from tasks.training.composites import Composites, write_composites
from tests.tasks.planted_scenes import MIDDLE, SIDE, Scene, write_scenes

VIEW = Preprocessing(SIDE, SIDE, (0.5,) * 3, (0.25,) * 3)
NAMES = ["ant", "bee", "cat"]
OBJECTS = ((200, 60, 60), (60, 200, 60), (60, 60, 200))
BACKGROUNDS = ((130, 120, 40), (40, 130, 120), (120, 40, 130))
SCENES = [Scene(i % 3, OBJECTS[i % 3], BACKGROUNDS[i % 3]) for i in range(12)]


def listed(folder: Path, scenes: list[Scene] = SCENES) -> pa.Table:
    return build_manifest(str(write_scenes(folder, scenes)), NAMES, None, None)[0]


def compose(rows: pa.Table, out: Path, **changes: object) -> Composites:
    return write_composites(rows, VIEW, 3, out, **changes)  # type: ignore[arg-type]


def pixels(uri: str) -> np.ndarray:
    return cv2.imread(uri)[..., ::-1].astype(int)


def test_each_object_stands_on_the_backgrounds_of_the_other_classes(tmp_path: Path) -> None:
    done = []
    made = compose(
        listed(tmp_path / "scenes"), tmp_path / "out", per_image=2, on_image=lambda: done.append(1)
    )
    assert (made.images, made.without_object, made.unfit, len(done)) == (12, 0, 0, 12)
    assert made.pictures.num_rows == 24
    label_of = dict(zip(*made_columns(made, "source_uri", "label"), strict=True))
    for row in made.pictures.to_pylist():
        found = pixels(row["uri"])
        assert found.shape == (SIDE, SIDE, 3)
        assert np.abs(found[11:21, 11:21] - OBJECTS[row["label"]]).max() <= 12  # JPEG
        assert np.abs(found[:5] - BACKGROUNDS[row["donor_label"]]).max() <= 12
        assert row["donor_label"] == label_of[row["donor_uri"]] != row["label"]
    for of_one in made.by_source().values():
        of = [r["donor_label"] for r in made.pictures.to_pylist() if r["uri"] in of_one]
        assert len(set(of)) == 2, "each of another class"


def made_columns(made: Composites, *names: str) -> list[list[object]]:
    return [made.pictures[name].to_pylist() for name in names]


def test_the_manifest_can_be_looked_at_and_audited(tmp_path: Path) -> None:
    made = compose(listed(tmp_path / "scenes"), tmp_path / "out")
    rows, _ = build_manifest(str(made.manifest), NAMES, None, None)
    assert rows["uri"].to_pylist() == made.pictures["uri"].to_pylist()
    assert rows["label"].to_pylist() == made.pictures["label"].to_pylist()
    with made.manifest.open() as file:
        first = next(csv.DictReader(file))
    assert first["source_uri"] == str(tmp_path / "scenes" / "000.png")
    assert not first["uri"].startswith("/")


def test_what_is_there_stays_and_what_is_missing_is_made_again(tmp_path: Path) -> None:
    rows = listed(tmp_path / "scenes")
    first = compose(rows, tmp_path / "out")
    uris = first.pictures["uri"].to_pylist()
    stored = {uri: Path(uri).read_bytes() for uri in uris}
    Path(uris[0]).unlink()
    Path(uris[1]).write_bytes(b"as it was")
    again = compose(rows, tmp_path / "out")
    assert again.pictures.equals(first.pictures)
    assert Path(uris[0]).read_bytes() == stored[uris[0]]
    assert Path(uris[1]).read_bytes() == b"as it was"
    assert all(Path(uri).read_bytes() == stored[uri] for uri in uris[2:])
    changed = compose(listed(tmp_path / "scenes", SCENES), tmp_path / "out", seed=1)
    assert changed.pictures["donor_uri"].to_pylist() != first.pictures["donor_uri"].to_pylist()


def test_what_is_drawn_depends_on_no_other_order_and_thread(tmp_path: Path) -> None:
    rows = listed(tmp_path / "scenes")
    first = compose(rows, tmp_path / "a", threads=1).pictures
    backwards = rows.take(list(range(rows.num_rows))[::-1])
    other = compose(backwards, tmp_path / "b", threads=4).pictures
    pairs = [
        sorted(zip(*(t[n].to_pylist() for n in ("source_uri", "donor_uri")), strict=True))
        for t in (first, other)
    ]
    assert pairs[0] == pairs[1]


def test_only_the_images_asked_for_and_donors_from_all(tmp_path: Path) -> None:
    rows = listed(tmp_path / "scenes")
    wanted = rows["uri"].to_pylist()[:2]
    made = compose(rows, tmp_path / "out", of=wanted)
    assert sorted(made.by_source()) == sorted(wanted)
    assert not set(made.pictures["donor_uri"].to_pylist()) <= set(wanted)
    # As many as there are donors of other classes: eight.
    most = compose(rows, tmp_path / "more", of=wanted, per_image=50)
    assert most.pictures.num_rows == 16
    assert len(set(most.pictures["uri"].to_pylist())) == 16


def without(rows: pa.Table, name: str, places: set[int]) -> pa.Table:
    values = [None if i in places else v for i, v in enumerate(rows[name].to_pylist())]
    place = rows.schema.get_field_index(name)
    return rows.set_column(
        place, rows.schema.field(name), pa.array(values, rows.schema.types[place])
    )


def test_images_without_an_object_are_counted(tmp_path: Path) -> None:
    rows = without(listed(tmp_path / "scenes"), "mask_uri", {0, 4})
    cv2.imwrite(str(tmp_path / "full.png"), np.full((SIDE, SIDE), 255, np.uint8))
    masks = rows["mask_uri"].to_pylist()
    masks[1], masks[2] = str(tmp_path / "full.png"), str(tmp_path / "absent.png")
    rows = rows.set_column(rows.schema.get_field_index("mask_uri"), "mask_uri", pa.array(masks))
    made = compose(rows, tmp_path / "out")
    assert (made.images, made.without_object, made.unfit) == (8, 2, 2)
    lent = set(made.pictures["donor_uri"].to_pylist())
    assert lent.isdisjoint(rows["uri"].to_pylist()[i] for i in (0, 1, 2, 4))


def test_a_box_stands_for_a_mask(tmp_path: Path) -> None:
    rows = without(listed(tmp_path / "scenes"), "mask_uri", set(range(12)))
    place = rows.schema.get_field_index("boxes")
    box = [[float(MIDDLE.start), float(MIDDLE.start), float(MIDDLE.stop), float(MIDDLE.stop)]]
    boxed = rows.set_column(place, "boxes", pa.array([box] * 12, rows.schema.types[place]))
    masked = compose(listed(tmp_path / "scenes"), tmp_path / "masked")
    made = compose(boxed, tmp_path / "boxed")
    for mine, other in zip(
        made.pictures["uri"].to_pylist(), masked.pictures["uri"].to_pylist(), strict=True
    ):
        np.testing.assert_array_equal(pixels(mine), pixels(other))


def test_no_masks_at_all_is_told(tmp_path: Path) -> None:
    rows = without(listed(tmp_path / "scenes"), "mask_uri", set(range(12)))
    with pytest.raises(AuditError, match=r"none of the 12 images.*mask_uri.*--annotations"):
        compose(rows, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_other_bad_input_is_told(tmp_path: Path) -> None:
    rows = listed(tmp_path / "scenes")
    with pytest.raises(AuditError, match=r"composites per image: expected at least 1, got 0"):
        compose(rows, tmp_path / "out", per_image=0)
    one = without(rows, "mask_uri", {i for i in range(12) if i % 3})
    with pytest.raises(AuditError, match=r"images of 1 class\(es\) have a background to lend"):
        compose(one, tmp_path / "out")
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(AuditError, match=r"cannot be written.*give another --out"):
        compose(rows, tmp_path / "file")
