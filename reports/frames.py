"""Tables with a row for each image as data frames, in little more memory than the frame's own."""

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from tasks.tables.storage import RunFolder


def read_frame(
    run: RunFolder, name: str, columns: Sequence[str], words: Sequence[str]
) -> pd.DataFrame:
    """Columns of a table.

    words : columns of few different texts, which become categories

    Returns: truth values that may be missing are of pandas' type "boolean", missing ones NA
    """
    dataset = run.dataset(name, words)
    batches = [batch for batch in dataset.to_batches(columns=list(columns)) if batch.num_rows]
    rows = pa.Table.from_batches(batches, dataset.schema.empty_table().select(columns).schema)
    frame: pd.DataFrame = rows.unify_dictionaries().to_pandas(
        types_mapper={pa.bool_(): pd.BooleanDtype()}.get, split_blocks=True, self_destruct=True
    )
    return frame
