"""Tags of a manifest as columns, against dictionaries of rows."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.tables.schemas import MANIFEST
from tasks.tables.tags import manifest_tags

Tags = list[list[tuple[str, str | None]] | None]
NAMES = st.sampled_from(["site", "camera", "image_id", "é <b>", ""])
VALUES = st.none() | st.sampled_from(["a", "b", "", "nan"])
ROWS = st.lists(st.none() | st.lists(st.tuples(NAMES, VALUES), max_size=4), max_size=8)


def table_of(rows: Tags, first: int = 0) -> pa.Table:
    columns = {"image_id": [first + 3 * row for row in range(len(rows))], "tags": rows}
    return pa.table(columns, schema=pa.schema([MANIFEST.field(name) for name in columns]))


@given(ROWS, ROWS)
def test_one_column_per_tag(
    some: Tags,
    others: Tags,
) -> None:
    """In two batches, as a table of several files is, and the second cut out of a larger one."""
    parts = [table_of(some), table_of([[("cut", "off")], *others], first=100)[1:]]
    table = pa.concat_tables(parts)
    rows = [dict(tags or ()) for tags in [*some, *others]]
    names = sorted({name for row in rows for name in row} - {"image_id"})
    found = manifest_tags(table.to_batches())
    assert found.columns.tolist() == ["image_id", *names]
    assert found["image_id"].tolist() == table["image_id"].to_pylist()
    for name in names:
        assert found[name].tolist() == [row.get(name) for row in rows]


@pytest.mark.parametrize("rows", [[], [None, None], [[], []]])
def test_without_tags_there_are_the_images_alone(rows: list[None]) -> None:
    found = manifest_tags(table_of(rows).to_batches())
    assert found.columns.tolist() == ["image_id"]
    assert len(found) == len(rows)
