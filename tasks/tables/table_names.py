"""Which tables an audit has, by what writes them."""

SHARD_TABLES = (
    "manifest", "predictions", "heatmaps", "features", "background", "cells", "failures",
    "localization",
)  # fmt: skip
MERGED_TABLES = (
    "near_duplicates", "units", "units_least", "unit_stats", "layer_stats", "unit_classes",
    "images", "class_stats", "confusions", "class_features", "shared_units", "localization_stats",
    "localization_curves",
)  # fmt: skip
BACKGROUND_TABLES = (
    "verdicts", "background_stats", "findings", "context_clusters", "context_risks",
    "explanation_clusters", "cluster_members", "driven_units",
)  # fmt: skip
# Rows of the images that a report shows one by one, where an audit has more than that.
SHOWN_ROWS = {name: f"shown_{name}" for name in ("manifest", "predictions", "heatmaps", "verdicts")}
# What not every audit has, by the name of the mark that says it is whole.
ADDED_TABLES = {
    "faithfulness": ("faithfulness", "faithfulness_curves", "faithfulness_summary"),
    "objects": ("informative_objects",),
    "shown": (*SHOWN_ROWS.values(), "shown_features"),
}
