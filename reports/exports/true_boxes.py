"""The boxes of the manifest beside exported images."""

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reports.tables import AuditTables


@dataclass(frozen=True)
class TrueBox:
    """name : of the object; else of the label's class; '' where neither is known
    left, top, right, bottom : pixels of the image, inside it
    """

    name: str
    left: float
    top: float
    right: float
    bottom: float


def read_boxes(tables: AuditTables, frame: pd.DataFrame) -> dict[int, list[TrueBox]]:
    """Boxes by image_id, clipped to the image; those that lie outside of it are left out.

    frame : of `image_table`
    """
    columns = ["image_id", "boxes", "box_names"]
    chosen = pc.field("image_id").isin(pa.array(frame["image_id"])) & pc.field("boxes").is_valid()
    rows = tables.run.dataset("manifest").to_table(columns=columns, filter=chosen).to_pylist()
    images = frame.set_index("image_id")[["width", "height", "label_name"]]
    found = {}
    for row in rows:
        width, height, label = images.loc[row["image_id"]]
        names = row["box_names"] or [None] * len(row["boxes"])
        boxes = [
            TrueBox(name or label or "", max(left, 0), max(top, 0), min(right, width),
                    min(bottom, height))
            for name, (left, top, right, bottom) in zip(names, row["boxes"], strict=True)
        ]  # fmt: skip
        found[row["image_id"]] = [b for b in boxes if b.right > b.left and b.bottom > b.top]
    return found
