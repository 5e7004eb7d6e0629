"""The tables of an audit. Others build on these names: a change raises SCHEMA_VERSION."""

import pyarrow as pa

SCHEMA_VERSION = 5

ROLES = ("predicted", "label", "runner_up", "contrast")

MANIFEST = pa.schema(
    {
        "image_id": pa.int64(),  # ascending; those of images that were removed are missing
        "uri": pa.string(),  # path or URL; PARQUET#ROW for bytes inside a Parquet file
        "label": pa.int32(),  # class index; -1 where unknown
        "mask_uri": pa.string(),  # null where there is none
        "mask_name": pa.string(),  # of the masked object; null: the label's class names it
        "boxes": pa.list_(pa.list_(pa.float32(), 4)),  # left, top, right, bottom; image pixels
        "box_names": pa.list_(pa.string()),  # beside `boxes`; null: the box, or all, unnamed
        "split": pa.string(),
        "tags": pa.map_(pa.string(), pa.string()),
        "size": pa.int64(),  # bytes of the file
        "content_key": pa.string(),  # changes when the image or its mask does
    }
)

PREDICTIONS = pa.schema(
    {
        "image_id": pa.int64(),
        "label": pa.int32(),
        "predicted": pa.int32(),
        "correct": pa.bool_(),  # null where the label is unknown
        "probability": pa.float32(),  # softmax of the predicted class
        "label_probability": pa.float32(),  # null where the label is unknown
        "margin": pa.float32(),  # logit of the label less the best other; unknown: of the two best
        "loss": pa.float32(),  # cross entropy in nats; null where the label is unknown
        "top_k_class": pa.list_(pa.int32()),
        "top_k_logit": pa.list_(pa.float32()),
        "width": pa.int32(),  # of the image as it is shown (EXIF rotation applied), pixels
        "height": pa.int32(),
    }
)

CLASS_STATS = pa.schema(
    {
        "class_idx": pa.int32(),
        "name": pa.string(),
        "images": pa.int64(),  # with this label
        "correct": pa.int64(),
        "accuracy": pa.float64(),
        "accuracy_low": pa.float64(),  # 95 % Wilson interval
        "accuracy_high": pa.float64(),
        "predicted_images": pa.int64(),  # predicted as this class, label known
        "mean_label_probability": pa.float64(),
        "masked_images": pa.int64(),  # with an object inside the crop and a map for the label
        "object_energy": pa.float64(),  # mean over masked images, map of the label
        "object_energy_low": pa.float64(),  # 95 %, normal approximation over images
        "object_energy_high": pa.float64(),
        "object_area": pa.float64(),  # what a uniform map would score
        "pointing_hits": pa.int64(),
        "empty_maps": pa.int64(),  # maps of the label with no positive value
        "mean_map_images": pa.int64(),
        "mean_map": pa.list_(pa.float32()),  # mean raw map of the label, row by row; null
        # where it would be of no image, as are the next two
        "correct_map_images": pa.int64(),  # of mean_map_images; the others are mistakes
        "correct_map": pa.list_(pa.float32()),  # over correct images
        "mistake_map": pa.list_(pa.float32()),
        "map_rows": pa.int32(),
        "map_cols": pa.int32(),
    }
)

CONFUSIONS = pa.schema(
    {"label": pa.int32(), "predicted": pa.int32(), "images": pa.int64()}
)  # the diagonal included

CLASS_FEATURES = pa.schema(
    {
        "class_idx": pa.int32(),
        "images": pa.int64(),  # correct, with finite features
        "pooled": pa.list_(pa.float32()),  # mean over them, of each unit of the target layer
    }
)

SHARD_STAGE = "shard"  # the whole shard failed, its images with it

FAILURES = pa.schema(
    {
        "image_id": pa.int64(),
        "uri": pa.string(),
        "stage": pa.string(),  # read, decode, label, mask, model, SHARD_STAGE
        "error": pa.string(),
    }
)


FAITHFULNESS = pa.schema(
    {
        "image_id": pa.int64(),
        "class_idx": pa.int32(),  # the predicted class, whose maps and probability are meant
        "method": pa.string(),  # or a baseline
        "measure": pa.string(),
        "value": pa.float64(),  # null: the map is not finite, or the image has no object
    }
)

FAITHFULNESS_CURVES = pa.schema(
    {
        "method": pa.string(),
        "measure": pa.string(),
        "share": pa.float64(),  # of the pixels changed, in [0, 1]
        "probability": pa.float64(),  # of the predicted class, mean over images
    }
)

FAITHFULNESS_SUMMARY = pa.schema(
    {
        "measure": pa.string(),
        "better": pa.string(),  # higher, lower
        "method": pa.string(),
        "baseline": pa.bool_(),  # has not seen the image
        "value": pa.float64(),  # mean over images
        "low": pa.float64(),  # 95 % percentile bootstrap over images
        "high": pa.float64(),
        "images": pa.int64(),
        "missing": pa.int64(),  # images whose value is null; they are in no other number
        "difference": pa.float64(),  # paired, to the reference; null for itself
        "difference_low": pa.float64(),
        "difference_high": pa.float64(),
        "among_best": pa.bool_(),  # the best mean, or not told apart from it
    }
)


def heatmaps_schema(cells: int) -> pa.Schema:
    """Schema of `heatmaps` for a grid of `cells` positions. Raw map = heatmap * scale."""
    return pa.schema(
        {
            "image_id": pa.int64(),
            "role": pa.string(),  # one of ROLES
            "class_idx": pa.int32(),
            "against_idx": pa.int32(),  # contrast: the class subtracted; else -1
            "method": pa.string(),
            "target": pa.string(),  # what was explained: logit, probability or sigmoid
            "target_layer": pa.string(),
            "heatmap": pa.list_(pa.float16(), cells),  # row by row, in [-1, 1]
            "rows": pa.int32(),
            "cols": pa.int32(),
            "scale": pa.float32(),  # largest absolute value of the raw map
            "state": pa.string(),  # ok, empty, not_finite
            "object_area": pa.float32(),  # object's share of the model's view; null: no object
            "object_energy": pa.float32(),
            "lift": pa.float32(),
            "pointing_hit": pa.bool_(),
            "border_share": pa.float32(),
            "centroid_row": pa.float32(),
            "centroid_col": pa.float32(),
            "spread": pa.float32(),
            "entropy": pa.float32(),
        }
    )


def features_schema(channels: int) -> pa.Schema:
    """Schema of `features` for a layer of `channels` units."""
    return pa.schema(
        {
            "image_id": pa.int64(),
            "label": pa.int32(),
            "target_layer": pa.string(),
            "pooled": pa.list_(pa.float16(), channels),  # spatial mean of each unit
            "evidence": pa.list_(
                pa.float16(), channels
            ),  # mean weighted by the contrast's positive
            # part; zeros where it has none
        }
    )
