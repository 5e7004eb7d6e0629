"""A user's own questions, from a CSV."""

import csv
from pathlib import Path

import pandas as pd

from tasks.concepts.image_choice import find_images
from tasks.errors import AuditError
from tasks.questions.question import Question

OWN_KIND = "given"


def read_questions(file: Path, manifest: pd.DataFrame) -> list[Question]:
    """Rows of a CSV with the columns question, answer, and uri or image_id; a column kind puts
    questions together whose accuracy is reported apart.

    manifest : columns image_id, uri

    Raises: AuditError for a file that cannot be read, without these columns, without rows, with an
    empty question or answer, and with an image that the manifest has not.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text, skipinitialspace=True)
            names = [name.strip() for name in reader.fieldnames or []]
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AuditError(f"{file} cannot be read as a CSV: {error}") from error
    field = "image_id" if "image_id" in names else "uri"
    missing = [name for name in (field, "question", "answer") if name not in names]
    if missing:
        raise AuditError(
            f"{file} has no column {missing[0]!r}; expected question, answer, and uri or image_id, "
            f"got {', '.join(names) or 'an empty file'}"
        )
    if not rows:
        raise AuditError(f"{file} holds no questions: expected a row for each below the header")
    told = [_cells(file, line, row, field) for line, row in enumerate(rows, start=2)]
    ids = find_images([row[field] for row in told], field, manifest, file)
    return [
        Question(image_id, row.get("kind") or OWN_KIND, row["question"], row["answer"])
        for image_id, row in zip(ids, told, strict=True)
    ]


def _cells(file: Path, line: int, row: dict[str | None, str | None], field: str) -> dict[str, str]:
    cells = {
        key.strip(): (value or "").strip()
        for key, value in row.items()
        if key is not None and not isinstance(value, list)
    }
    empty = [name for name in (field, "question", "answer") if not cells[name]]
    if empty:
        raise AuditError(f"{file}, line {line}: {empty[0]} is empty; expected one in every row")
    return cells
