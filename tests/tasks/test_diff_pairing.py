"""Which class and which image of one audit is which of another."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.diff.class_pairing import pair_classes
from tasks.diff.image_pairing import images_root, pair_images
from tasks.errors import AuditError


def frame(uris: list[str], names: str | list[str] = "", **columns: object) -> pd.DataFrame:
    base = {"uri": uris, "class_name": names, "size": -1, "content_key": "missing"}
    return pd.DataFrame(base | columns)


def pairs(found: pd.DataFrame) -> list[tuple[int, int, str | None]]:
    return list(zip(found["row_a"], found["row_b"], found["paired_by"], strict=True))


def test_classes_are_paired_by_name_whatever_their_order():
    found = pair_classes(["ant", "bee", "cat"], ["cat", "dog", "ant"])
    assert found.names == ("ant", "bee", "cat", "dog")
    assert found.code_b.tolist() == [2, 3, 0]
    assert (found.only_a, found.only_b) == (("bee",), ("dog",))
    assert found.shared.tolist() == [True, False, True, False]


def test_two_classes_of_one_name_are_told_apart_by_their_turn():
    """ImageNet has two cranes."""
    found = pair_classes(["crane", "cat", "crane"], ["cat", "crane", "crane"])
    assert found.names == ("crane", "cat", "crane (2)")
    assert found.code_b.tolist() == [1, 0, 2]


def test_classes_without_a_common_name_are_an_error():
    with pytest.raises(AuditError, match=r"no class in common.*'ant', 'bee'.*'owl'.*--classes"):
        pair_classes(["ant", "bee"], ["owl"])


def test_uri_comes_before_all_else():
    a, b = frame(["/d/1.png", "/d/2.png"]), frame(["/d/2.png", "/d/3.png", "/d/1.png"])
    assert pairs(pair_images(a, b)) == [(1, 0, "uri"), (0, 2, "uri"), (-1, 1, None)]


def test_moved_folders_are_paired_below_the_images_and_by_label():
    names = ["ant", "bee", "bee"]
    a = frame(["/old/ant/1.png", "/old/bee/1.png", "/old/bee/2.png"], names)
    b = frame(["/new/set/bee/2.png", "/new/set/ant/1.png", "/new/set/bee/1.png"],
              ["bee", "ant", "ant"])  # fmt: skip
    found = pair_images(a, b, "/old/", "/new/set/")
    assert pairs(found) == [(2, 0, "relative"), (0, 1, "relative"), (-1, 2, None), (1, -1, None)]


def test_contents_pair_what_was_renamed(tmp_path: Path):
    content = {"a/1.png": b"one", "a/2.png": b"two", "b/x.png": b"two", "b/y.png": b"new",
               "b/z.png": b"longer"}  # fmt: skip
    for name, data in content.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)

    def side(folder: str) -> pd.DataFrame:
        files = sorted((tmp_path / folder).iterdir())
        return frame([str(f) for f in files], size=[f.stat().st_size for f in files])

    found = pair_images(side("a"), side("b"), f"{tmp_path}/a/", f"{tmp_path}/b/")
    assert pairs(found) == [(1, 0, "content"), (-1, 1, None), (-1, 2, None), (0, -1, None)]


def test_what_is_there_twice_pairs_nothing():
    a, b = frame(["/d/1.png", "/d/1.png"]), frame(["/d/1.png"])
    assert pairs(pair_images(a, b, "/d/", "/d/")) == [(-1, 0, None), (0, -1, None), (1, -1, None)]


def test_a_file_that_changed_in_place_is_told():
    uris = ["/d/1.png", "/d/2.png", "s3://d/3.png"]
    a = frame(uris, content_key=["5-1.0", "5-1.0", "remote"])
    b = frame(uris, content_key=["5-1.0", "7-2.0", "remote"])
    assert pair_images(a, b)["changed"].tolist() == [False, True, None]


@pytest.mark.parametrize(
    "images, uris, root",
    [
        ("/d/images", ["/d/images/a/1.png", "/d/images/b/1.png"], "/d/images/"),
        ("/d/manifest.csv", ["/d/x/1.png", "/d/y/1.png"], "/d/"),
        ("/elsewhere/m.csv", ["/d/cats/1.png", "/d/cars/1.png"], "/d/"),
        ("s3://bucket/set", ["s3://bucket/set/a/1.png"], "s3://bucket/set/"),
        ("", ["1.png"], ""),
    ],
)
def test_the_root_of_the_images(images: str, uris: list[str], root: str):
    assert images_root(pd.Series(uris), images) == root


def test_every_image_is_in_the_pairing_once():
    generator = np.random.default_rng(0)
    a = frame([f"/d/{i}" for i in generator.permutation(60)[:40]])
    b = frame([f"/d/{i}" for i in generator.permutation(60)[:40]])
    found = pair_images(a, b, "/d/", "/d/")
    for side, rows in (("row_a", a), ("row_b", b)):
        kept = found[side][found[side] >= 0]
        assert sorted(kept) == list(range(len(rows)))
    both = set(a["uri"]) & set(b["uri"])
    assert (found["paired_by"] == "uri").sum() == len(both)
