"""The units that tell both classes of a confused pair: `shared_units`."""

import pandas as pd
import pyarrow as pa

from tasks.tables.storage import RunFolder
from tasks.tables.unit_schemas import SHARED_UNITS
from tasks.tables.whole_files import write_table

MOST_PAIRS = 100
KEPT_UNITS = 10


def write_shared_units(run: RunFolder) -> None:
    """Write `shared_units` from `unit_classes` and `confusions`."""
    confusions = run.dataset("confusions").to_table().to_pandas()
    classes = run.dataset("unit_classes").to_table().to_pandas()
    write_table(run.table_file("shared_units"), shared_units(confusions, classes))


def shared_units(confusions: pd.DataFrame, classes: pd.DataFrame) -> pa.Table:
    """For the 100 pairs of classes that are confused most often, the ten units of each layer whose
    lower AUROC for the two is highest, where it is above chance.

    confusions, classes : columns of CONFUSIONS and UNIT_CLASSES. Where the latter keeps only the
        first units of a class, a unit has to be among those of both.

    Returns: a table of SHARED_UNITS, the most confused pair first; of equals the lower classes and
    units.
    """
    wrong = confusions[
        (confusions["label"] != confusions["predicted"]) & (confusions["label"] >= 0)
    ]
    wrong = wrong[wrong["images"] > 0].sort_values(
        ["images", "label", "predicted"], ascending=[False, True, True], kind="stable"
    )[:MOST_PAIRS]
    told = classes.loc[classes["auroc"] > 0.5, ["target_layer", "class_idx", "unit", "auroc"]]
    wrong = wrong.assign(pair=range(len(wrong)))
    both = wrong.merge(
        told.rename(columns={"class_idx": "label", "auroc": "label_auroc"}), on="label"
    ).merge(
        told.rename(columns={"class_idx": "predicted", "auroc": "predicted_auroc"}),
        on=["predicted", "target_layer", "unit"],
    )
    both["lower"] = both[["label_auroc", "predicted_auroc"]].min(axis=1)
    both = both.sort_values(
        ["pair", "target_layer", "lower", "unit"], ascending=[True, True, False, True]
    )
    both["rank"] = both.groupby(["pair", "target_layer"]).cumcount()
    kept = both.loc[both["rank"] < KEPT_UNITS, SHARED_UNITS.names]
    return pa.Table.from_pandas(kept, schema=SHARED_UNITS, preserve_index=False)
