"""One row per mistake of an audit: what the audit says, what simpler measures say, the truth."""

from __future__ import annotations

import pandas as pd

from tasks.tables.storage import RunFolder

# What each measure ranks mistakes by: higher means more background.
MEASURES = {
    "reliance": "second pass",
    "score": "first pass",
    "unsure": "1 - confidence",
    "confidence": "confidence",
    "border_contrast": "border strip, contrast map",
    "border_predicted": "border strip, Grad-CAM++",
    "pointing_miss": "pointing miss, Grad-CAM++",
    "off_object": "energy off the object, Grad-CAM++",
    "again": "truth, told again by 4 other re-renders",
}
BASELINES = tuple(name for name in MEASURES if name not in ("reliance", "again"))


def read_merged(run: RunFolder, name: str) -> pd.DataFrame:
    """A merged table of an audit."""
    return pd.read_parquet(run.table_file(name))


def judged(run: RunFolder, truth: pd.DataFrame) -> pd.DataFrame:
    """The verdicts with the truth beside them, one row per labelled image.

    Images that the audit's arithmetic gives another class than the model as it was trained are
    left out: their truth was found for another prediction.
    """
    verdicts = read_merged(run, "verdicts")
    told = truth.drop(columns=["label", "correct"])
    joined = verdicts.merge(told, on="image_id", suffixes=("", "_model"), validate="one_to_one")
    same = joined["predicted"] == joined["predicted_model"]
    joined["tested"] = joined["stratum"].notna()
    return joined[same].drop(columns="predicted_model").reset_index(drop=True)


def mistakes_of(run: RunFolder, truth: pd.DataFrame) -> pd.DataFrame:
    """The mistakes among `judged` with every column of MEASURES."""
    rows = judged(run, truth)
    rows = rows[~rows["correct"]]
    return rows.merge(_baselines(run), on="image_id", how="left", validate="one_to_one")


def _baselines(run: RunFolder) -> pd.DataFrame:
    predictions = run.dataset("predictions").to_table(["image_id", "probability"]).to_pandas()
    maps = run.dataset("heatmaps").to_table().to_pandas()
    maps = maps[maps["method"] == run.first_method()]
    predicted = maps[maps["role"] == "predicted"].set_index("image_id")
    contrast = maps[maps["role"] == "contrast"].set_index("image_id")
    hit = predicted["pointing_hit"].astype("float")
    table = pd.DataFrame(
        {
            "border_contrast": contrast["border_share"],
            "border_predicted": predicted["border_share"],
            "pointing_miss": 1 - hit,
            "off_object": 1 - predicted["object_energy"],
        }
    )
    confidence = predictions.set_index("image_id")["probability"]
    table["confidence"], table["unsure"] = confidence, 1 - confidence
    return table.rename_axis("image_id").reset_index()
