"""The tables of the background evidence. See `schemas` for the others.

Background, everywhere: what the model sees of an image outside its object. The object is that of
the mask, else of the boxes, else a proxy: a region around the evidence for the label. Which of
the three it is stands in `object_source`.
"""

import pyarrow as pa

OBJECT_SOURCES = ("mask", "box", "proxy")

VERDICTS = ("confirmed", "suspected", "not_background", "undetermined")

# What is changed about an image in the second pass.
INTERVENTIONS = (
    "background_blurred",  # object kept
    "background_mean",  # object kept, the dataset's mean colour around it
    "donor_predicted",  # object kept, on the background of another image of the predicted class
    "donor_against",  # ... of the class that the prediction is held against: a mistake's label
    "donor_other",  # ... of any other class
    "object_inpainted",  # background kept, the object filled in from around it
    "object_mean",  # background kept, the object a patch of its surroundings' mean colour
    "colours_matched",  # the dataset's mean colour and contrast, object and background alike
    "empty",  # neither: the mean colour everywhere
)

BACKGROUND = pa.schema(
    {
        "image_id": pa.int64(),
        "object_source": pa.string(),  # one of OBJECT_SOURCES; null: no object could be told
        "object_area": pa.float32(),  # object's share of the model's view
        "score": pa.float32(),  # share of the contrast's positive part on the background
        "lift": pa.float32(),  # score / (1 - object_area); 1 for a uniform map
        "uniform_score": pa.float32(),  # what a uniform map would score: 1 - object_area
        "centre_score": pa.float32(),  # ... a Gaussian on the centre, a quarter of the side wide
        "border_score": pa.float32(),  # ... a map of the outermost ring of cells
    }
)

EVIDENCE = pa.schema(
    {
        "image_id": pa.int64(),
        "intervention": pa.string(),  # one of INTERVENTIONS
        "draw": pa.int32(),  # which donor of its kind, from 0; else 0
        "donor_id": pa.int64(),  # image whose background was taken; else -1
        "predicted": pa.int32(),  # class of the largest logit of the changed image
        "logit_predicted": pa.float32(),  # of the class that was predicted for the original
        "logit_against": pa.float32(),  # of the class that that prediction is held against
        "probability_predicted": pa.float32(),
        "probability_against": pa.float32(),
        "picture": pa.binary(),  # JPEG of the model's view; null where none was kept
    }
)

VERDICT_TABLE = pa.schema(
    {
        "image_id": pa.int64(),
        "label": pa.int32(),
        "predicted": pa.int32(),
        "against_idx": pa.int32(),  # a mistake's label; else the runner-up
        "correct": pa.bool_(),
        "object_source": pa.string(),  # null: no object could be told
        "score": pa.float32(),  # of the first pass, from `background`
        "lift": pa.float32(),
        "stratum": pa.string(),  # suspicious, random; null: not tested
        "inclusion": pa.float64(),  # probability of being tested, (0, 1]; null: not tested
        "margin": pa.float32(),  # logit predicted - logit against, of the original
        "shapley_object": pa.float32(),  # two-player split of the margin, logits; null: untested
        "shapley_background": pa.float32(),
        "gap": pa.float32(),  # P(predicted | donors of predicted) - P(predicted | ... of against)
        "placebo_gap": pa.float32(),  # largest difference of P(predicted) between donors of a class
        "turned": pa.float32(),  # share of the backgrounds of `against` on which it wins instead
        "held": pa.float32(),  # share of all other backgrounds on which the prediction stays
        "right_replaced": pa.float32(),  # share of donors' backgrounds on which the label is named
        "background_alone": pa.float32(),  # share of removals of the object that change nothing
        "colours_turned": pa.bool_(),  # the answer changes where only the colours are evened out
        "reliance": pa.float32(),  # probability of the other answer on other backgrounds, [0, 1]
        "verdict": pa.string(),  # one of VERDICTS
        "trail": pa.list_(pa.string()),  # the evidence behind it, in words
    }
)

BACKGROUND_STATS = pa.schema(
    {
        "group": pa.string(),  # all, label, predicted, pair, slice
        "label": pa.int32(),  # -1 where the group is not about one
        "predicted": pa.int32(),
        "tag": pa.string(),  # slice: name of the manifest's column; else null
        "value": pa.string(),  # slice: its value
        "images": pa.int64(),
        "mistakes": pa.int64(),
        "tested_mistakes": pa.int64(),
        "driven_share": pa.float64(),  # of the mistakes, Horvitz-Thompson; null: none tested
        "driven_low": pa.float64(),  # 95 %
        "driven_high": pa.float64(),
        "turned_mistakes": pa.int64(),  # tested mistakes that turn right on the label's backgrounds
        "tested_correct": pa.int64(),
        "leaning_share": pa.float64(),  # of the correct predictions
        "leaning_low": pa.float64(),
        "leaning_high": pa.float64(),
        "accuracy_kept": pa.float64(),  # of all images
        "accuracy_replaced": pa.float64(),  # mean of right_replaced, Horvitz-Thompson
        "accuracy_replaced_low": pa.float64(),
        "accuracy_replaced_high": pa.float64(),
        "gap": pa.float64(),  # mean over mistakes, Horvitz-Thompson
        "gap_low": pa.float64(),
        "gap_high": pa.float64(),
        "control_gap": pa.float64(),  # the same over correct predictions of the whole audit
        "p_value": pa.float64(),  # one-sided: the mean gap of the mistakes is not above 0
    }
)

FINDINGS = pa.schema(
    {
        "rank": pa.int32(),  # 0 is the gravest
        "kind": pa.string(),  # pair, label, predicted, leaning, slice, context
        "label": pa.int32(),  # -1 where it is not about one
        "predicted": pa.int32(),
        "subject": pa.string(),  # in words: "mug -> mushroom", "camera = 3"
        "effect": pa.float64(),  # the share that the statement is about
        "low": pa.float64(),  # 95 %
        "high": pa.float64(),
        "images": pa.int64(),  # the denominator
        "tested": pa.int64(),
        "p_value": pa.float64(),
        "q_value": pa.float64(),  # Benjamini-Hochberg over all statements of the audit
        "confirmed": pa.bool_(),  # q at most 0.1 and the effect above its floor
        "text": pa.string(),
        "exemplars": pa.list_(pa.int64()),  # image ids
    }
)

CONTEXT_CLUSTERS = pa.schema(
    {
        "cluster": pa.int32(),
        "cells": pa.int64(),  # of all images
        "images": pa.int64(),  # with at least PRESENT_SHARE of their cells in it
        "object_share": pa.float64(),  # mean share of a cell that is object; null: unknown
        "exemplars": pa.list_(pa.int64()),  # images, the nearest to the centre first
        "exemplar_cells": pa.list_(pa.int32()),  # row * cols + col of the nearest cell of each
    }
)

CONTEXT_RISKS = pa.schema(
    {
        "cluster": pa.int32(),
        "class_idx": pa.int32(),
        "present": pa.int64(),  # images of other classes with the cluster; the testing half
        "absent": pa.int64(),
        "predicted_present": pa.int64(),  # of those, given this class
        "predicted_absent": pa.int64(),
        "risk_difference": pa.float64(),
        "low": pa.float64(),  # 95 %, Newcombe's method 10
        "high": pa.float64(),
        "discovery_difference": pa.float64(),  # on the other half, where it was found
        "p_value": pa.float64(),  # one-sided, Fisher's exact test, testing half
        "q_value": pa.float64(),  # Benjamini-Hochberg over all that were discovered
    }
)

EXPLANATION_CLUSTERS = pa.schema(
    {
        "class_idx": pa.int32(),  # the predicted class whose evidence was clustered
        "cluster": pa.int32(),
        "name": pa.string(),  # its distinguishing tags, or its number
        "images": pa.int64(),
        "labelled": pa.int64(),
        "correct": pa.int64(),
        "accuracy": pa.float64(),
        "accuracy_low": pa.float64(),  # 95 % Wilson interval
        "accuracy_high": pa.float64(),
        "object_energy": pa.float64(),  # mean of the predicted class's maps; null: no object
        "exemplars": pa.list_(pa.int64()),  # the nearest to the centre first
    }
)

CLUSTER_MEMBERS = pa.schema(
    {
        "image_id": pa.int64(),
        "explanation": pa.int32(),  # cluster of its predicted class; null: no evidence
        "contexts": pa.list_(pa.int32()),  # context clusters that it shows, ascending
    }
)


def cells_schema(cells: int, dimensions: int) -> pa.Schema:
    """Schema of `cells`: every cell of the target layer as a short vector.

    The vector is the cell's activations over the units, of length 1, projected at random to
    `dimensions` numbers; cosine similarities are kept on average (Johnson and Lindenstrauss 1984).
    """
    return pa.schema(
        {
            "image_id": pa.int64(),
            "vectors": pa.list_(pa.float16(), cells * dimensions),  # cell by cell, row by row
            "coverage": pa.list_(
                pa.float16(), cells
            ),  # object's share of the cell; null: no object
        }
    )
