"""Where a view may be written."""

from pathlib import Path

import pytest

from reports.views.view_folder import refuse_other_folder, view_writer
from tasks.errors import AuditError


@pytest.mark.parametrize("text", ['{"theme": "dark"}', "[]", "not json", None])
def test_a_folder_of_the_user_is_refused(tmp_path: Path, text: str | None) -> None:
    (tmp_path / "photograph.jpg").write_text("x")
    if text is not None:
        (tmp_path / "view.json").write_text(text)  # another tool has files of this name, too
    with pytest.raises(AuditError, match="holds no view of camaudit"):
        refuse_other_folder(tmp_path)


def test_an_earlier_view_is_written_over_by_a_link_too(tmp_path: Path) -> None:
    with view_writer(tmp_path / "view", "Title", "model", {}):
        pass
    (tmp_path / "link").symlink_to("view")
    for name in ("view", "link", "absent"):
        refuse_other_folder(tmp_path / name)
