"""A folder that appears whole or not at all."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from reports.folder_swap import replaced_folder


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "Make room, or give another folder"), (errno.EACCES, "Permission denied")],
)
def test_what_was_there_stays_when_writing_fails(tmp_path: Path, number: int, words: str) -> None:
    folder = tmp_path / "view"
    folder.mkdir()
    (folder / "index.html").write_text("earlier")

    def fail() -> None:
        with replaced_folder(folder) as temporary:
            (temporary / "index.html").write_text("half")
            reason = "No space left on device" if number == errno.ENOSPC else "Permission denied"
            raise OSError(number, reason)

    with pytest.raises(OSError, match=words) as raised:
        fail()
    assert raised.value.errno == number
    assert (folder / "index.html").read_text() == "earlier"
    assert [file.name for file in tmp_path.iterdir()] == ["view"]


def test_a_tree_that_does_not_fit_is_one_line(tmp_path: Path) -> None:
    # As shutil.copytree tells of a full disk: a list of all files, and no number.
    lost = [(f"a{i}", f"b{i}", f"[Errno 28] No space left on device: 'a{i}'") for i in range(99)]
    with (
        pytest.raises(OSError, match="Make room, or give") as raised,
        replaced_folder(tmp_path / "v"),
    ):
        raise shutil.Error(lost)
    assert raised.value.errno == errno.ENOSPC and "a98" not in str(raised.value)
    with pytest.raises(shutil.Error), replaced_folder(tmp_path / "v"):
        raise shutil.Error([("a", "b", "Permission denied")])
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_asks_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    says = "view cannot be written: Read-only file system.*give another folder"
    with pytest.raises(OSError, match=says), replaced_folder(tmp_path / "view"):
        pass
