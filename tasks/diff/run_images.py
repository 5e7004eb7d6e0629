"""What is compared of one audit, one row per image."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from tasks.errors import AuditError
from tasks.findings.audited_images import audited_images
from tasks.localization.one_contour import LEVELS
from tasks.tables.completion import audit_key
from tasks.tables.localization_schemas import LEVEL_HITS
from tasks.tables.schemas import SCHEMA_VERSION
from tasks.tables.storage import RunFolder
from tasks.tables.tags import manifest_tags

_PREDICTIONS = ["image_id", "label", "predicted", "correct", "probability", "label_probability"]
_AT_HALF = 1  # of LEVEL_HITS, by IoU 0.3, 0.5, 0.7
_TESTED = ["image_id", "inclusion", "driven", "right_replaced", "verdict"]


@dataclass(frozen=True)
class RunImages:
    """A finished audit.

    audit : content of audit.json
    images : one row per audited image, by image_id: uri, size, content_key, class_name ('' where
        unknown), label (-1), predicted, correct (float: 1, 0, NaN without a label), probability,
        label_probability, object_energy and background_score (first pass, NaN where there is no
        object), gt_known and max_box_acc (1, 0, NaN), inclusion, driven, right_replaced, verdict
        (of the second pass, as in `audited_images`)
    tags : of `manifest_tags`, in the same order, without image_id
    unread : images that could not be audited
    """

    run: RunFolder
    audit: dict[str, Any]
    images: pd.DataFrame
    tags: pd.DataFrame
    unread: int

    @property
    def classes(self) -> list[str]:
        return [str(name) for name in self.audit["classes"]]


def read_run_images(run: RunFolder) -> RunImages:
    """Columns only, never maps.

    Raises: AuditError where no audit has finished, where it is of another version, and where no
    image could be audited.
    """
    audit_key(run)
    audit = run.audit()
    if audit.get("schema_version") != SCHEMA_VERSION:
        raise AuditError(
            f"{run.root} was written by another version of camaudit: expected schema "
            f"{SCHEMA_VERSION}, got {audit.get('schema_version')}. Run the audit again"
        )
    manifest = run.dataset("manifest").to_table(
        columns=["image_id", "uri", "size", "content_key", "tags"]
    )
    predictions = _read(run, "predictions", _PREDICTIONS)
    if predictions.empty:
        raise AuditError(
            f"no image of {run.root} could be audited, so there is nothing to compare. Mend the "
            "images that its table failures names and run the audit again"
        )
    predictions["correct"] = predictions["correct"].astype("float64")
    images = predictions.merge(manifest.drop_columns(["tags"]).to_pandas(), on="image_id")
    for part in (_energies(run), _scores(run), _hits(run), _tested(run)):
        images = images.merge(part, on="image_id", how="left")
    names = np.array([*(str(name) for name in audit["classes"]), ""], dtype=object)
    images["class_name"] = names[images["label"].to_numpy()]
    images = images.sort_values("image_id", ignore_index=True)
    tags = manifest_tags(manifest.select(["image_id", "tags"]).to_batches()).set_index("image_id")
    aligned = tags.reindex(images["image_id"]).reset_index(drop=True)
    failures = _read(run, "failures", ["image_id", "stage"])
    unread = int((~failures["image_id"].isin(images["image_id"])).sum())
    return RunImages(run, audit, images, aligned, unread)


def _read(run: RunFolder, name: str, columns: list[str], chosen: Any = None) -> pd.DataFrame:
    return run.dataset(name).to_table(columns=columns, filter=chosen).to_pandas()


def _energies(run: RunFolder) -> pd.DataFrame:
    chosen = (
        (pc.field("role") == "label")
        & (pc.field("state") == "ok")
        & (pc.field("method") == run.first_method())
    )
    return _read(run, "heatmaps", ["image_id", "object_energy"], chosen)


def _scores(run: RunFolder) -> pd.DataFrame:
    scores = _read(run, "background", ["image_id", "score"])
    return scores.rename(columns={"score": "background_score"})


def _tested(run: RunFolder) -> pd.DataFrame:
    verdicts = run.dataset("verdicts").to_table().to_pandas()
    return audited_images(verdicts)[_TESTED]


def _hits(run: RunFolder) -> pd.DataFrame:
    """Hits of the 20 % rule, and of the largest contour at IoU 0.5 and the threshold that is best
    for this audit (MaxBoxAcc, arXiv:2001.07437)."""
    hits = [np.zeros((0, LEVELS), dtype=np.bool_)]
    rows = [pd.DataFrame({"image_id": np.zeros(0, np.int64), "hit": np.zeros(0, np.bool_)})]
    columns = ["image_id", "hit", "largest_hits"]
    for batch in run.dataset("localization").to_batches(columns=columns):
        if batch.num_rows:
            flat = batch["largest_hits"].flatten().to_numpy(zero_copy_only=False)
            by_iou = flat.astype(np.bool_).reshape(batch.num_rows, LEVEL_HITS // LEVELS, LEVELS)
            hits.append(by_iou[:, _AT_HALF])
            rows.append(batch.select(columns[:2]).to_pandas())
    frame, of_largest = pd.concat(rows, ignore_index=True), np.concatenate(hits)
    best = int(of_largest.sum(axis=0).argmax())
    return pd.DataFrame(
        {
            "image_id": frame["image_id"].astype(np.int64),
            "gt_known": frame["hit"].astype(np.float64),
            "max_box_acc": of_largest[:, best].astype(np.float64),
        }
    )
