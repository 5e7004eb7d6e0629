"""The tables that `camaudit concept` and `camaudit features` write beside their pages."""

import pyarrow as pa

CONCEPT_SCORES = pa.schema(
    {
        "image_id": pa.int64(),
        "uri": pa.string(),
        "split": pa.string(),  # train, held_out
        "positive": pa.bool_(),
        "score": pa.float64(),  # decision value of the SVM; 0 is its border
    }
)

CONCEPT_WEIGHTS = pa.schema(
    {
        "target_layer": pa.string(),
        "unit": pa.int32(),
        "weight": pa.float64(),  # of the unit's pooled activation as it is: coefficient / scale
        "coefficient": pa.float64(),  # of the scaled feature
        "mean": pa.float64(),  # of the feature over the training images
        "scale": pa.float64(),  # its standard deviation; 1 where it is constant
    }
)

CONCEPT_MAPS = pa.schema(
    {
        "image_id": pa.int64(),
        "rows": pa.int32(),
        "cols": pa.int32(),
        "map": pa.list_(pa.float32()),  # row by row; its sum plus the bias is the score
        "object_area": pa.float32(),  # object's share of the model's view; null: no object
        "object_energy": pa.float32(),  # of the map's positive part; null: no object or no such
    }
)

REPRESENTATION_ANSWERS = pa.schema(
    {
        "image_id": pa.int64(),
        "label": pa.int32(),
        "fold": pa.int32(),  # in which the image was held out
        "view": pa.string(),  # full, map_box, true_box
        "classifier": pa.string(),
        "predicted": pa.int32(),
        "correct": pa.bool_(),
    }
)

REPRESENTATION_BOXES = pa.schema(
    {
        "image_id": pa.int64(),
        "view": pa.string(),  # map_box, true_box
        "top": pa.int32(),  # pixels of the image
        "left": pa.int32(),
        "bottom": pa.int32(),
        "right": pa.int32(),
        "found": pa.bool_(),  # false: no positive map or no object, the whole image stands in
    }
)
