"""Which images train, which measure, and what cannot be trained on."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.errors import AuditError
from tasks.training.config import TrainConfig
from tasks.training.examples import Examples, list_examples
from tests.tasks.training_sets import CLASSES, draw, draw_folders


def listed(images: Path, **changes: object) -> Examples:
    given = {"images": str(images), "out": str(images.parent / "out"), **changes}
    return list_examples(TrainConfig.model_validate(given))


def write_manifest(folder: Path, rows: list[dict[str, object]]) -> Path:
    """A CSV whose images all exist."""
    for number, row in enumerate(rows):
        draw(folder / str(row["uri"]), 0, number)
    pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False)
    return folder / "manifest.csv"


def names_in(examples: Examples, *, validation: bool) -> set[str]:
    return {Path(examples.uris[row]).name for row in examples.of(validation=validation)}


def test_folders_are_classes_in_sorted_order_and_each_gives_its_share(tmp_path: Path) -> None:
    root = draw_folders(tmp_path / "images", per_class=3)
    draw_folders(tmp_path / "images", per_class=14, names=("bee",))
    found = listed(root, validation=0.25)
    assert found.classes.names == CLASSES
    per_class = {name: [0, 0] for name in CLASSES}
    for uri, label, measures in zip(found.uris, found.labels, found.in_validation, strict=True):
        assert Path(uri).parent.name == CLASSES[label]
        per_class[CLASSES[label]][int(measures)] += 1
    assert per_class == {"ant": [2, 1], "bee": [10, 4], "cat": [2, 1]}


def test_an_image_stays_where_it_is_when_others_come_and_the_dataset_moves(tmp_path: Path) -> None:
    few = listed(draw_folders(tmp_path / "few", per_class=20))
    many = listed(draw_folders(tmp_path / "many", per_class=24))
    of_few = {Path(few.uris[row]).parts[-2:] for row in few.of(validation=True)}
    of_many = {Path(many.uris[row]).parts[-2:] for row in many.of(validation=True)}
    assert (len(of_few), len(of_many)) == (12, 15)
    # Ranks by hash: four more images of a class push few of four out of the lowest ranks.
    assert len(of_few & of_many) >= 8
    moved = listed(draw_folders(tmp_path / "elsewhere" / "moved", per_class=20))
    assert {Path(moved.uris[row]).parts[-2:] for row in moved.of(validation=True)} == of_few
    other_seed = listed(tmp_path / "few", seed=1)
    assert {Path(few.uris[r]).parts[-2:] for r in other_seed.of(validation=True)} != of_few


def test_the_manifest_divides_and_other_splits_are_left_out(tmp_path: Path) -> None:
    splits = ["train", "Training", "val", "VALID", "validation", "test", "test", "train"]
    rows = [
        {"uri": f"{i}{label}.png", "label": label, "split": split}
        for label in "ab"
        for i, split in enumerate(splits)
    ]
    found = listed(write_manifest(tmp_path, rows))
    assert names_in(found, validation=False) == {f"{i}{c}.png" for i in (0, 1, 7) for c in "ab"}
    assert names_in(found, validation=True) == {f"{i}{c}.png" for i in (2, 3, 4) for c in "ab"}
    assert found.left_out == {"of split 'test'": 4}


def test_with_train_and_test_alone_the_test_images_are_not_touched(tmp_path: Path) -> None:
    rows = [
        {"uri": f"{i}{label}.png", "label": label, "split": "test" if i > 5 else "train"}
        for label in "ab"
        for i in range(8)
    ]
    found = listed(write_manifest(tmp_path, rows), validation=0.5)
    drawn = names_in(found, validation=False) | names_in(found, validation=True)
    assert drawn == {f"{i}{c}.png" for i in range(6) for c in "ab"}
    assert len(names_in(found, validation=True)) == 6


def test_indices_lose_their_gaps_and_a_classes_file_names_them(tmp_path: Path) -> None:
    rows = [{"uri": f"{i}.png", "label": (0, 217, 482)[i % 3]} for i in range(9)]
    manifest = write_manifest(tmp_path, rows)
    found = listed(manifest)
    assert found.classes.names == ("0", "217", "482")
    assert found.classes.index_of == {"0": 0, "217": 1, "482": 2}
    assert found.labels.tolist() == [0, 1, 2] * 3
    classes = tmp_path / "classes.csv"
    classes.write_text("class_idx,name,folder\n482,cassette,n02\n0,tench,n00\n9,unused,n09\n")
    with_file = listed(manifest, classes=str(classes))
    assert with_file.classes.names == ("tench", "cassette")
    assert [with_file.classes.index_of[word] for word in ("0", "482")] == [0, 1]
    assert with_file.labels.tolist() == [0, 1] * 3
    assert with_file.left_out == {"of a class that --classes lacks": 3}


def test_folders_of_a_classes_file_come_in_its_order(tmp_path: Path) -> None:
    root = draw_folders(tmp_path / "images", per_class=2)
    classes = tmp_path / "classes.csv"
    classes.write_text("class_idx,name,folder\n0,C,cat\n1,A,ant\n2,B,bee\n")
    found = listed(root, classes=str(classes))
    assert found.classes.names == ("C", "A", "B")
    assert [found.classes.names[label][0].lower() for label in found.labels] == [
        Path(uri).parent.name[0] for uri in found.uris
    ]


def test_unlabelled_images_are_counted_and_left_out(tmp_path: Path) -> None:
    rows = [{"uri": f"{i}.png", "label": ["a", "b", ""][i % 3]} for i in range(9)]
    found = listed(write_manifest(tmp_path, rows))
    assert (len(found), found.left_out) == (6, {"without a label": 3})
    images = [Image.new("RGB", (8, 8)) for _ in range(2)]
    for number, image in enumerate(images):
        (tmp_path / "flat").mkdir(exist_ok=True)
        image.save(tmp_path / "flat" / f"{number}.png")
    with pytest.raises(AuditError, match=r"none of the 2 images .* has a label.*folder per class"):
        listed(tmp_path / "flat")


def test_one_class_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match=r"all of one class \('ant'\)"):
        listed(draw_folders(tmp_path / "images", names=("ant",)))


def test_a_class_with_one_image(tmp_path: Path) -> None:
    root = draw_folders(tmp_path / "images", per_class=4)
    draw_folders(tmp_path / "images", per_class=1, names=("dog",))
    with pytest.raises(AuditError) as error:
        listed(root)
    for words in ("1 of 4 classes", "'dog': 1 for training, 0 for validation", "two images"):
        assert words in str(error.value)


def test_an_empty_split(tmp_path: Path) -> None:
    rows = [{"uri": f"{i}.png", "label": "ab"[i % 2], "split": "train"} for i in range(8)]
    rows += [{"uri": "8.png", "label": "", "split": "val"}]
    with pytest.raises(AuditError, match="2 of 2 classes") as error:
        listed(write_manifest(tmp_path, rows))
    for words in ("'a': 4 for training, 0 for validation", "Left out: 1 without a label"):
        assert words in str(error.value)
    rows += [{"uri": "9.png", "label": "a", "split": "val"}]
    with pytest.raises(AuditError, match="'b': 4 for training, 0 for validation"):
        listed(write_manifest(tmp_path, rows))


def test_a_class_that_vanishes_with_its_unreadable_images(tmp_path: Path) -> None:
    found = listed(draw_folders(tmp_path / "images", per_class=5))
    kept = np.ones(len(found), dtype=bool)
    kept[found.of(validation=False)[0]] = False
    fewer = found.keep(kept, "unreadable")
    assert (len(fewer), fewer.left_out) == (14, {"unreadable": 1})
    assert fewer.uris == [uri for uri, keep in zip(found.uris, kept, strict=True) if keep]
    kept[found.labels == 2] = False
    with pytest.raises(AuditError, match=r"'cat': 0 for training.*\n.*Left out: 6 unreadable"):
        found.keep(kept, "unreadable")


def test_where_all_that_measure_are_unreadable_the_next_one_measures(tmp_path: Path) -> None:
    found = listed(draw_folders(tmp_path / "images", per_class=6))
    lost = [row for row in found.of(validation=True) if found.labels[row] == 1]
    assert len(lost) == 1
    kept = np.ones(len(found), dtype=bool)
    kept[lost] = False
    left = found.keep(kept, "unreadable")
    shares = np.bincount(left.labels[left.in_validation], minlength=3)
    assert shares.tolist() == [1, 1, 1]
    before = {found.uris[row] for row in found.of(validation=True)}
    after = {left.uris[row] for row in left.of(validation=True)}
    (gone,), (new,) = before - after, after - before
    assert Path(gone).parent.name == Path(new).parent.name == "bee"


def test_names_that_a_hugging_face_dataset_states(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    draw(tmp_path / "a.png", 0, 0)
    content = (tmp_path / "a.png").read_bytes()
    info = {"info": {"features": {"label": {"names": ["zebra", "unused", "ape"]}}}}
    table = pa.table({"image": [{"bytes": content}] * 6, "label": [2, 0] * 3})
    table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    pq.write_table(table, tmp_path / "train-00000.parquet")
    found = listed(tmp_path / "train-00000.parquet")
    assert found.classes.names == ("zebra", "ape")
    assert found.labels.tolist() == [1, 0] * 3
