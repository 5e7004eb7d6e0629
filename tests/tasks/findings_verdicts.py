"""Verdicts made up for tests of what is concluded from them."""

from typing import Any

import pandas as pd
import pyarrow as pa

from tasks.tables.background_schemas import VERDICT_TABLE


def verdict(
    image_id: int, label: int, predicted: int, inclusion: float | None = None, **changes: Any
) -> dict[str, Any]:
    """One row of VERDICT_TABLE; tested where `inclusion` is given."""
    row: dict[str, Any] = dict.fromkeys(VERDICT_TABLE.names)
    tested = inclusion is not None
    row |= {
        "image_id": image_id,
        "label": label,
        "predicted": predicted,
        "against_idx": label,
        "correct": label == predicted,
        "stratum": None if not tested else "suspicious" if inclusion == 1 else "random",
        "inclusion": inclusion,
        "verdict": "not_background" if tested else "undetermined",
    }
    if tested:
        row |= {"gap": 0.0, "turned": 0.0, "right_replaced": float(label == predicted)}
        row |= {"reliance": 0.1}
    return row | changes


def driven(image_id: int, label: int, predicted: int, inclusion: float, **changes: Any) -> Any:
    """A tested image that follows its background."""
    follows = {"verdict": "confirmed", "gap": 0.8, "turned": 1.0, "right_replaced": 1.0}
    return verdict(image_id, label, predicted, inclusion, **(follows | {"reliance": 0.9} | changes))


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """As the table is read: through Arrow, with its types."""
    return pa.Table.from_pylist(rows, VERDICT_TABLE).to_pandas()
