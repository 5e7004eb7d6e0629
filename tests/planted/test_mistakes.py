"""What stands beside a mistake comes from the tables of the audit, row by row."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_json, write_table
from tests.planted.mistakes import mistakes_of

# image_id, label, predicted, stratum, reliance
VERDICTS = [
    (0, 1, 1, "random", 0.2),
    (1, 1, 2, "suspicious", 0.7),
    (2, 0, 2, None, None),
    (3, 0, 1, "random", 0.4),  # the model as trained said otherwise
]
# image_id, role, method, border_share, pointing_hit, object_energy
HEATMAPS = [
    (1, "predicted", "gradcam", 0.1, True, 0.6),
    (1, "contrast", "gradcam", 0.2, False, 0.5),
    (1, "predicted", "hirescam", 0.9, False, 0.1),
    (1, "label", "gradcam", 0.9, False, 0.1),
    (2, "predicted", "gradcam", 0.3, None, None),
    (2, "contrast", "gradcam", 0.4, None, None),
]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path)
    write_json(folder.audit_file, {"config": {"method": "gradcam,hirescam"}})
    verdicts = pd.DataFrame(
        VERDICTS, columns=["image_id", "label", "predicted", "stratum", "reliance"]
    )
    verdicts["correct"] = verdicts["label"] == verdicts["predicted"]
    columns = ["image_id", "role", "method", "border_share", "pointing_hit", "object_energy"]
    predictions = {"image_id": [0, 1, 2, 3], "probability": [0.9, 0.8, 0.7, 0.6]}
    tables = {
        "verdicts": verdicts,
        "heatmaps": pd.DataFrame(HEATMAPS, columns=columns),
        "predictions": pd.DataFrame(predictions),
    }
    for name, frame in tables.items():
        table = pa.Table.from_pandas(frame, preserve_index=False)
        write_table(folder.table_file(name), table)
    return folder


def test_every_mistake_has_its_truth_and_its_baselines(run: RunFolder) -> None:
    truth = pd.DataFrame(
        {"image_id": range(4), "label": [1, 1, 0, 0], "predicted": [1, 2, 2, 2],
         "correct": [True, False, False, False], "driven": [False, True, False, True]}
    )  # fmt: skip
    found = mistakes_of(run, truth).set_index("image_id")
    assert found.index.tolist() == [1, 2]
    assert found["driven"].tolist() == [True, False]
    assert found["tested"].tolist() == [True, False]
    expected = {"border_predicted": 0.1, "border_contrast": 0.2, "pointing_miss": 0.0,
                "off_object": 0.4, "confidence": 0.8, "unsure": 0.2}  # fmt: skip
    for name, value in expected.items():
        assert found.loc[1, name] == pytest.approx(value), name
    assert np.isnan(found.loc[2, ["pointing_miss", "off_object"]].astype(float)).all()
    assert found.loc[2, "border_contrast"] == pytest.approx(0.4)
