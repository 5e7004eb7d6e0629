"""The table with a row for each image, of what the first pass found. See `schemas`."""

import pyarrow as pa

from tasks.tables.background_schemas import BACKGROUND
from tasks.tables.schemas import PREDICTIONS

# Whose maps it has the numbers of, of the first method; no figure of the dataset is of the others.
COUNTED_ROLES = ("predicted", "label", "contrast")
MAP_NUMBERS = {
    "state": pa.string(),  # null where there is no such map, and so are the others
    "scale": pa.float32(),
    "object_energy": pa.float32(),
    "lift": pa.float32(),
    "pointing_hit": pa.bool_(),
    "border_share": pa.float32(),
}
# In the order of image_id within a shard: `predictions`, the numbers of maps, `background`, and
# where the image is.
IMAGES = pa.schema(
    [
        *(field for field in PREDICTIONS if not pa.types.is_list(field.type)),
        *(
            pa.field(f"{role}_{name}", kind)
            for role in COUNTED_ROLES
            for name, kind in MAP_NUMBERS.items()
        ),
        *(field for field in BACKGROUND if field.name != "image_id"),
        pa.field("uri", pa.string()),
    ]
)

FACTS_PER_IMAGE = 5
# What images that a report shows have in common with others; -1 and NaN where there are fewer.
SHOWN_FEATURES = pa.schema(
    {
        "image_id": pa.int64(),
        "units": pa.list_(pa.int32(), FACTS_PER_IMAGE),  # of the target layer, the strongest first
        "strengths": pa.list_(pa.float32(), FACTS_PER_IMAGE),  # deviations above the unit's mean
        "neighbours": pa.list_(pa.int64(), FACTS_PER_IMAGE),  # image_id of the nearest shown ones
        "similarities": pa.list_(pa.float32(), FACTS_PER_IMAGE),  # cosines of their evidence
    }
)
