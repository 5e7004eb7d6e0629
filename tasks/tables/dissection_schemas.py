"""The tables that `camaudit dissect` and `camaudit objects` write beside their pages."""

import pyarrow as pa

DISSECTION_UNITS = pa.schema(
    {
        "target_layer": pa.string(),
        "unit": pa.int32(),
        "state": pa.string(),  # ok; sparse, saturated: its level is its least, largest value; dead
        "threshold": pa.float32(),  # exceeded at the share `top_share` of all positions
        "concept": pa.string(),  # of the highest IoU; null where no region meets an object
        "iou": pa.float64(),  # with that concept
        "iou_within": pa.float64(),  # over the images that hold the concept alone
        "chance_iou": pa.float64(),  # with that concept, maps shuffled over the images
        "label": pa.string(),  # the concept where the IoU exceeds `iou`; else null
    }
)

DISSECTION_CONCEPTS = pa.schema(
    {
        "concept": pa.string(),
        "images": pa.int64(),  # in whose view it lies
        "mask_images": pa.int64(),  # its pixels taken from a mask
        "box_images": pa.int64(),  # from boxes: coarser
        "area": pa.float64(),  # of the view, mean over all images whose objects are named
        "reachable_iou": pa.float64(),  # of the unit whose area fits best, if it lay within
        "units": pa.int64(),  # labelled by it
        "best_unit": pa.int32(),
        "best_iou": pa.float64(),
    }
)

DISSECTION_SCORES = pa.schema(
    {
        "unit": pa.int32(),
        "concept": pa.string(),
        "intersection": pa.int64(),  # pixels of the model's view
        "union": pa.int64(),
        "iou": pa.float64(),
        "iou_within": pa.float64(),
        "chance_iou": pa.float64(),
    }
)

INFORMATIVE_OBJECTS = pa.schema(
    {
        "class_idx": pa.int32(),
        "class_name": pa.string(),
        "rank": pa.int32(),  # in its class, 0 is the most informative
        "object": pa.string(),
        "images": pa.int64(),  # of the class, rightly predicted, with a map and named objects
        "with_object": pa.int64(),  # in the model's view
        "overlapped": pa.int64(),  # the region covers at least half of the object
        "rate": pa.float64(),  # overlapped / with_object
        "rate_low": pa.float64(),  # 95 % Wilson
        "rate_high": pa.float64(),
        "chance": pa.float64(),  # by regions of the same size from the class's other maps
        "lift": pa.float64(),  # rate / chance; null where chance is 0 or not known
        "difference": pa.float64(),  # rate - chance
        "difference_low": pa.float64(),
        "difference_high": pa.float64(),
        "frequency": pa.float64(),  # with_object / images
        "frequency_low": pa.float64(),
        "frequency_high": pa.float64(),
        "frequency_elsewhere": pa.float64(),  # among such images of the other classes
        "mask_images": pa.int64(),
        "box_images": pa.int64(),
    }
)
