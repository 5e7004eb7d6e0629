"""The tables that `camaudit diff` writes. A is the first run, B the second; every difference is
B less A."""

import pyarrow as pa

# common: images in both runs with one label; all: every image of each run.
SCOPES = ("common", "all")

GROUPS = ("all", "class", "predicted", "pair", "slice")

PAIRED_BY = ("uri", "relative", "content")

IMAGE_PAIRS = pa.schema(
    {
        "image_id_a": pa.int64(),  # null: only in B
        "image_id_b": pa.int64(),  # null: only in A
        "uri": pa.string(),  # of B, else of A
        "paired_by": pa.string(),  # one of PAIRED_BY; null: only in one run
        "changed": pa.bool_(),  # another size or time of the file at the same uri; else null
        "relabelled": pa.bool_(),  # the label is another class; null: only in one run
    }
)

QUANTITIES = pa.schema(
    {
        "metric": pa.string(),  # one of METRICS of tasks.diff.metrics
        "scope": pa.string(),  # one of SCOPES
        "group": pa.string(),  # one of GROUPS
        "label": pa.string(),  # name of the class; null where the group is not about one
        "predicted": pa.string(),
        "slice": pa.string(),  # "camera = 3"; else null
        "images_a": pa.int64(),  # the denominator
        "tested_a": pa.int64(),  # of those, what the number was estimated from
        "value_a": pa.float64(),
        "low_a": pa.float64(),  # 95 %
        "high_a": pa.float64(),
        "images_b": pa.int64(),
        "tested_b": pa.int64(),
        "value_b": pa.float64(),
        "low_b": pa.float64(),
        "high_b": pa.float64(),
        "images_common": pa.int64(),  # in both denominators
        "only_a": pa.int64(),  # of those, hits of A alone; null: not a rate
        "only_b": pa.int64(),
        "difference": pa.float64(),  # B - A
        "low": pa.float64(),  # 95 %
        "high": pa.float64(),
        "p_value": pa.float64(),  # two-sided; null: too few images to test
        "q_value": pa.float64(),  # Benjamini-Hochberg over the scope; null: not tested
        "floor": pa.float64(),  # the smallest difference that is called a change
        "changed": pa.bool_(),  # q at most 0.1, zero outside of the interval, at least the floor
        "better": pa.bool_(),  # B is better; null: no difference
    }
)

MISTAKE_CHANGES = pa.schema(
    {
        "image_id_a": pa.int64(),
        "image_id_b": pa.int64(),
        "uri": pa.string(),  # of B
        "state": pa.string(),  # new, mended, persistent
        "label": pa.string(),
        "predicted_a": pa.string(),
        "predicted_b": pa.string(),
        "probability_a": pa.float32(),  # of the predicted class
        "probability_b": pa.float32(),
        "label_probability_a": pa.float32(),
        "label_probability_b": pa.float32(),
        "verdict_a": pa.string(),  # null: none was given
        "verdict_b": pa.string(),
    }
)

MISTAKE_COUNTS = pa.schema(
    {
        "label": pa.string(),
        "images": pa.int64(),  # in both runs
        "new": pa.int64(),
        "mended": pa.int64(),
        "persistent": pa.int64(),
        "persistent_same": pa.int64(),  # of those, taken for the same class in both
    }
)

FINDING_CHANGES = pa.schema(
    {
        "state": pa.string(),  # new, gone, still; unconfirmed: in neither run
        "kind": pa.string(),
        "label": pa.string(),
        "predicted": pa.string(),
        "subject": pa.string(),
        "rank_a": pa.int32(),  # null: not told in A
        "rank_b": pa.int32(),
        "confirmed_a": pa.bool_(),
        "confirmed_b": pa.bool_(),
        "effect_a": pa.float64(),
        "low_a": pa.float64(),
        "high_a": pa.float64(),
        "effect_b": pa.float64(),
        "low_b": pa.float64(),
        "high_b": pa.float64(),
        "difference": pa.float64(),
        "low": pa.float64(),  # 95 %
        "high": pa.float64(),
        "text_a": pa.string(),
        "text_b": pa.string(),
    }
)

# A number of both audits and how far it moved.
_COMPARED: dict[str, pa.DataType] = {
    "images_a": pa.int64(),  # the denominator
    "tested_a": pa.int64(),  # of those, what the number was estimated from
    "value_a": pa.float64(),
    "low_a": pa.float64(),  # 95 %
    "high_a": pa.float64(),
    "images_b": pa.int64(),
    "tested_b": pa.int64(),
    "value_b": pa.float64(),
    "low_b": pa.float64(),
    "high_b": pa.float64(),
    "difference": pa.float64(),  # B - A
    "low": pa.float64(),  # 95 %
    "high": pa.float64(),
    "p_value": pa.float64(),  # two-sided; of `taken_for` one-sided, given that A found it
}

WORST_GROUPS = pa.schema(
    {
        "tag": pa.string(),  # groups are label x value of this tag; null: labels alone
        "groups": pa.int64(),  # with images enough in both
        "group_a": pa.string(),  # "mug, background = water"
        "group_b": pa.string(),
        **_COMPARED,  # accuracy of the worst group of either
    }
)

MENDED = pa.schema(
    {
        "label": pa.string(),  # a class that a finding of A was about
        "state": pa.string(),  # one of MENDED_STATES
        "findings_a": pa.list_(pa.string()),  # subjects, the gravest first
        "findings_b": pa.list_(pa.string()),  # that are left, with "(unconfirmed)" where they are
    }
)

# partly: better for sure, but a finding of B is about it; still: such a finding, and nothing is
# better for sure; untested: A's findings are of the second pass, and B has none; worse: its
# accuracy fell; unclear: no finding is left, but nothing is better for sure
MENDED_STATES = ("mended", "partly", "still", "worse", "untested", "unclear")

# taken_for: of the other classes' images in a context, those taken for the class; driven: of the
# class's images, those mistaken because of the background; driven_into: of the images taken for the
# class, those mistaken because of the background; worst_group: accuracy of its worst group
MENDED_MEASURES = ("taken_for", "driven", "driven_into", "worst_group")

MENDED_EVIDENCE = pa.schema(
    {
        "label": pa.string(),
        "measure": pa.string(),  # one of MENDED_MEASURES
        "subject_a": pa.string(),  # the context, or the worst group of A; null: the class
        "subject_b": pa.string(),
        **_COMPARED,
        "p_adjusted": pa.float64(),  # Holm, over all rows
        "clear": pa.bool_(),  # better: p_adjusted at most 0.05, at least the floor, zero outside
    }
)

MAP_CHANGES = pa.schema(
    {
        "image_id_a": pa.int64(),
        "image_id_b": pa.int64(),
        "uri": pa.string(),  # of B
        "role": pa.string(),  # label, predicted
        "class_a": pa.string(),  # whose map it is
        "class_b": pa.string(),
        "moved": pa.float64(),  # sliced Wasserstein distance, in sides of the view; null: no map
        "total_variation": pa.float64(),  # [0, 1]
    }
)

UNIT_CHANGES = pa.schema(
    {
        "target_layer": pa.string(),
        "unit": pa.int32(),
        "state": pa.string(),  # one of UNIT_STATES
        "silent_share_a": pa.float64(),
        "silent_share_b": pa.float64(),
        "top_a": pa.int32(),  # of its strongest images, those in both runs
        "top_b": pa.int32(),
        "top_common": pa.int32(),
        "jaccard": pa.float64(),  # null: no such image in either
        "correlation": pa.float64(),  # of spatial means over common images; null: unknown
        "class_a": pa.string(),  # of the highest mean
        "class_b": pa.string(),
    }
)

# died, revived, dead (in both); changed, kept; not_comparable: units of unrelated models;
# undetermined: too little is known
UNIT_STATES = ("died", "revived", "dead", "changed", "kept", "not_comparable", "undetermined")
