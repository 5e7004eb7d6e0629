"""The list that `camaudit suggest` writes and `camaudit train --suggestions` takes."""

import pyarrow as pa

# The gravest first: an image that several findings are about is listed under the first of these.
ACTIONS = ("relabel", "augment", "collect")

SUGGESTIONS = pa.schema(
    {
        "uri": pa.string(),  # as in the manifest; every image stands in one row at most
        "label": pa.string(),  # name of its class
        "action": pa.string(),  # one of ACTIONS
        "finding": pa.string(),  # what it is for: the subject of a finding, or what is doubtful
        "group": pa.string(),  # "mug|background = planks", "mug|not background = planks", "mug"
        "weight": pa.float64(),  # of the group, at least 1; an image that is not listed has 1
        "suggested_label": pa.string(),  # relabel: name of a class; null: none stands out
        "label_decided": pa.string(),  # null: for whoever looks at the image to fill in
        "reason": pa.string(),  # in words
        "rank": pa.int32(),  # 0 is the first
    }
)
