"""The tables of units: what excites them, and what they tell. See `schemas` for the others.

A unit's peak in an image is the largest of its cells.
"""

import pyarrow as pa

UNITS = pa.schema(
    {
        "target_layer": pa.string(),
        "unit": pa.int32(),
        "class_idx": pa.int32(),  # images with this label; -1: all images
        "rank": pa.int32(),  # 0 is the strongest; in `units_least` the weakest
        "image_id": pa.int64(),
        "activation": pa.float32(),  # the peak; of a unit cut off from above (ReLU6), before that
        "row": pa.int32(),  # cell of the layer's grid
        "col": pa.int32(),
        "rf_top": pa.int32(),  # receptive field in pixels of the original image, clipped to it
        "rf_left": pa.int32(),
        "rf_bottom": pa.int32(),
        "rf_right": pa.int32(),
    }
)

UNIT_STATS = pa.schema(
    {
        "target_layer": pa.string(),
        "unit": pa.int32(),
        "images": pa.int64(),
        "mean": pa.float64(),  # of the unit's spatial mean over an image; null: a unit layer
        "variance": pa.float64(),  # population variance
        "quantile_05": pa.float32(),  # quantiles to 5 % of their value
        "quantile_25": pa.float32(),
        "quantile_50": pa.float32(),
        "quantile_75": pa.float32(),
        "quantile_95": pa.float32(),
        "dead_share": pa.float64(),  # share of images whose spatial mean is not above 0
        "selectivity": pa.float64(),  # class selectivity index, arXiv:1803.06959; null: no labels
        "selective_class_idx": pa.int32(),  # class of the highest mean; -1: no labels
        "peak_least": pa.float32(),  # over images; null: no images
        "peak_quantile_05": pa.float32(),  # to 5 % of their value
        "peak_quantile_25": pa.float32(),
        "peak_quantile_50": pa.float32(),
        "peak_quantile_75": pa.float32(),
        "peak_quantile_95": pa.float32(),
        "peak_largest": pa.float32(),
        "silent_share": pa.float64(),  # share of images in which no cell is above 0
        "dead": pa.bool_(),  # in no image is any cell above 0; null: no images
    }
)

LAYER_STATS = pa.schema(
    {
        "target_layer": pa.string(),
        "units": pa.int32(),
        "images": pa.int64(),
        "dead_units": pa.int32(),
        "sparsity": pa.float64(),  # share of the units, mean over images, that no cell excites
    }
)

UNIT_CLASSES = pa.schema(
    {
        "target_layer": pa.string(),
        "class_idx": pa.int32(),
        "unit": pa.int32(),
        "images": pa.int64(),  # with this label
        "contribution": pa.float64(),  # gradient x activation of the class's score, mean over its
        # images; behind pooling and one linear layer w_k^c x mean activation; null: a unit layer
        "mean": pa.float64(),  # of the peak, over the class's images
        "mean_difference": pa.float64(),  # less that over the images of all other classes
        "auroc": pa.float32(),  # of the peak: this class against all others; null: no others
        "auroc_error": pa.float32(),  # by which it may be wrong at most
    }
)

SHARED_UNITS = pa.schema(
    {
        "target_layer": pa.string(),
        "label": pa.int32(),  # a pair of classes of which one is often taken for the other
        "predicted": pa.int32(),
        "images": pa.int64(),  # of the label that are predicted as the other
        "rank": pa.int32(),  # 0 tells both classes best from all others
        "unit": pa.int32(),
        "label_auroc": pa.float32(),  # of `unit_classes`
        "predicted_auroc": pa.float32(),
    }
)

DRIVEN_UNITS = pa.schema(
    {
        "target_layer": pa.string(),
        "predicted": pa.int32(),  # the class that mistakes driven by the background were taken for
        "rank": pa.int32(),  # 0 rises most
        "unit": pa.int32(),
        "mistakes": pa.int64(),  # confirmed ones whose label has correct images, too
        "mean": pa.float64(),  # of the peak, over these mistakes
        "expected": pa.float64(),  # over correct images with the same labels
        "rise": pa.float64(),  # mean - expected, in standard deviations of the unit over images
    }
)

NEAR_DUPLICATES = pa.schema(
    {
        "image_id": pa.int64(),
        "first_id": pa.int64(),  # the image that stands for both in `units`
    }
)


def peaks_schema(units: int, channels: int, cells: int) -> pa.Schema:
    """Schema of the partial table `peaks`: what the merge must know of each image.

    units : of all layers, those of the target layer first; channels : of the target layer alone
    cells : of the largest grid
    """
    position = pa.uint16() if cells <= 2**16 else pa.uint32()
    return pa.schema(
        {
            "image_id": pa.int32(),
            "label": pa.int32(),
            "perceptual_hash": pa.uint64(),
            "mean_colour": pa.list_(pa.uint8(), 3),  # red, green, blue
            "activation": pa.list_(pa.float32(), units),  # the peak of each unit
            "cell": pa.list_(position, units),  # where, row * cols + col
            "contribution": pa.list_(pa.float16(), channels),  # gradient x activation / scale
            "contribution_scale": pa.float32(),
        }
    )
