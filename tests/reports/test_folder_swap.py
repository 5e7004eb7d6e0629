"""A folder that appears whole or not at all."""

import errno
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
