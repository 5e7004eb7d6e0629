"""Which images a user means, by tag and by file."""

from pathlib import Path

import pandas as pd
import pytest

from tasks.concepts.image_choice import choose_images
from tasks.errors import AuditError

NAMES = ["ant", "bee", "12"]


@pytest.fixture
def manifest(tmp_path: Path) -> pd.DataFrame:
    root = str(tmp_path)
    return pd.DataFrame(
        {
            "image_id": [3, 5, 8, 9],
            "uri": [f"{root}/a/1.png", f"{root}/a/2.png", f"{root}/b/1.png", "s3://x/c/3.png"],
            "label": [0, 1, 2, -1],
            "split": ["val", "val", "test", None],
            "tags": [[("sky", "blue"), ("n", "1")], [("sky", "grey")], [], None],
        }
    )


@pytest.mark.parametrize(
    ("choice", "ids"),
    [
        ("sky=blue", [3]),
        (" sky = grey ", [5]),
        ("n=1", [3]),
        ("split=val", [3, 5]),
        ("label=bee", [5]),
        ("label=0", [3]),
        ("label=12", [8]),
    ],
)
def test_a_column_and_its_value(choice: str, ids: list[int], manifest: pd.DataFrame) -> None:
    assert choose_images(choice, manifest, NAMES).tolist() == ids


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("a/1.png\nb/1.png\n", [3, 8]),  # relative to the list
        ("s3://x/c/3.png\n", [9]),
        ("2.png\n\n# a remark\n2.png\n", [5]),  # the last part alone, and twice
        ("9\n3\n", [3, 9]),
        ("\ufeffname,uri\nx,a/2.png\ny,b/1.png\n", [5, 8]),
        ("image_id,uri\n8,nothing\n", [8]),
    ],
)
def test_a_file_that_lists_them(
    text: str, ids: list[int], manifest: pd.DataFrame, tmp_path: Path
) -> None:
    # The field that stands first in the header decides: uri before image_id.
    file = tmp_path / "list.txt"
    file.write_text(text.replace("image_id,uri", "image_id,other"), encoding="utf-8")
    assert choose_images(str(file), manifest, NAMES).tolist() == ids


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a/9.png\nb/1.png\nq\nr\ns\n", ["4 of 5 entries", "'a/9.png', 'q', 'r' and 1 more"]),
        ("1.png\n", ["'1.png' is the end of 2 uris"]),
        ("77\n3\n", ["1 of 2 entries are no image_id", "'77'"]),
        ("\n\n", ["lists no images"]),
        ("uri\n", ["lists no images"]),
    ],
)
def test_a_file_that_names_something_else(
    text: str, words: list[str], manifest: pd.DataFrame, tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_text(text)
    with pytest.raises(AuditError) as error:
        choose_images(str(file), manifest, NAMES)
    assert all(word in str(error.value) for word in words), error.value


def test_a_file_that_is_no_text(manifest: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(AuditError, match="cannot be read as text"):
        choose_images(str(tmp_path / "1.png"), manifest, NAMES)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("blue", ["neither a file nor COLUMN=VALUE"]),
        ("weather=rain", ["no tag 'weather'", "'n', 'sky'"]),
        ("sky=bleu", ["'bleu' is unknown; closest: 'blue'"]),
        ("label=wasp", ["'wasp' is unknown", "'ant'"]),
    ],
)
def test_a_choice_that_means_nothing(choice: str, words: list[str], manifest: pd.DataFrame) -> None:
    with pytest.raises(AuditError) as error:
        choose_images(choice, manifest, NAMES)
    assert all(word in str(error.value) for word in words), error.value
