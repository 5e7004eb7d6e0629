"""The tables of weakly supervised localisation. See `schemas` for the others.

Only images with a label and with an object in the model's view are in them. The map is that of the
label, by the first method; the centre map is a Gaussian that has not seen the image.
"""

import pyarrow as pa

LEVEL_HITS = 3 * 255  # IoU 0.3, 0.5, 0.7 by the 255 thresholds that differ

FIGURES = (
    "top_1_error",  # wrong class, or the label's box by the 20 % rule misses
    "top_5_error",  # label not among the top 5, or the same
    "gt_known",  # the label's box by the 20 % rule hits
    "max_box_acc",  # the largest contour hits, at the best threshold for the dataset
    "box_acc_30",  # any contour hits at IoU 0.3, at the best threshold for it
    "box_acc_50",
    "box_acc_70",
    "max_box_acc_v2",  # mean of the last three
    "pxap",  # average precision of pixels
)

LOCALIZATION = pa.schema(
    {
        "image_id": pa.int64(),
        "label": pa.int32(),
        "object_source": pa.string(),  # mask, box
        "correct": pa.bool_(),
        "in_top_5": pa.bool_(),  # the label
        "box_top": pa.int32(),  # of the CAM paper's 20 % rule, in pixels of the original image
        "box_left": pa.int32(),  # null: the map has no positive value
        "box_bottom": pa.int32(),  # exclusive
        "box_right": pa.int32(),
        "iou": pa.float32(),  # of that box with the best true one, in the model's view
        "centre_iou": pa.float32(),  # of the centre map's box by the same rule
        "hit": pa.bool_(),  # IoU of at least 0.5
        "centre_hit": pa.bool_(),
        "largest_hits": pa.list_(pa.bool_(), LEVEL_HITS),  # largest contour, IoU by IoU
        "any_hits": pa.list_(pa.bool_(), LEVEL_HITS),  # any contour
        "centre_hits": pa.list_(pa.bool_(), LEVEL_HITS),  # the centre map's only contour
    }
)

# Before the merge: pixels on and off the object by the bin of their score, summed over images.
PIXEL_COUNTS = pa.schema(
    {
        "label": pa.int32(),
        "images": pa.int64(),
        "on": pa.list_(pa.int64()),
        "off": pa.list_(pa.int64()),
        "centre_on": pa.list_(pa.int64()),
        "centre_off": pa.list_(pa.int64()),
    }
)

LOCALIZATION_STATS = pa.schema(
    {
        "class_idx": pa.int32(),  # -1: all images
        "name": pa.string(),
        "figure": pa.string(),  # one of FIGURES
        "images": pa.int64(),  # the denominator
        "threshold": pa.float64(),  # of the map's maximum; null where none is chosen
        "value": pa.float64(),
        "low": pa.float64(),  # 95 % Wilson interval; of the mean of three: the mean bounds, which
        "high": pa.float64(),  # are too wide rather than too narrow; null for pxap
        "centre_threshold": pa.float64(),
        "centre": pa.float64(),  # what the centre map scores
        "centre_low": pa.float64(),
        "centre_high": pa.float64(),
        "difference": pa.float64(),  # value - centre, on the same images
        "difference_low": pa.float64(),  # 95 %, Newcombe's method 10 for paired rates
        "difference_high": pa.float64(),
    }
)

LOCALIZATION_CURVES = pa.schema(
    {
        "map": pa.string(),  # label, centre
        "contours": pa.string(),  # largest (MaxBoxAcc), any (MaxBoxAccV2)
        "iou": pa.float64(),
        "threshold": pa.float64(),  # of the map's maximum: the smallest of those that agree
        "hits": pa.int64(),
        "images": pa.int64(),
    }
)
