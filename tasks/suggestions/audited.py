"""What suggestions are made from, of one finished audit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.errors import AuditError
from tasks.findings.audited_images import audited_images
from tasks.tables.background_schemas import FINDINGS
from tasks.tables.completion import audit_key
from tasks.tables.pooled_features import PooledFeatures, read_pooled_features
from tasks.tables.storage import RunFolder
from tasks.tables.tags import manifest_tags

Bools = npt.NDArray[np.bool_]

_PREDICTIONS = ["image_id", "probability", "label_probability"]


@dataclass(frozen=True)
class Audited:
    """N labelled images, by image_id.

    classes : the name of each class index
    images : columns of `audited_images`, and uri, probability, label_probability (float64),
        held (float64, NaN where not tested), first_id (int64: the image of which it is a near
        duplicate, else itself)
    tags : one column per tag (str or None), in the same order
    contexts : of each context cluster which images show it, bool, shape (N,)
    findings : rows of FINDINGS that are confirmed, the gravest first
    features : of these images, in the same order
    """

    classes: list[str]
    images: pd.DataFrame
    tags: pd.DataFrame
    contexts: dict[int, Bools]
    findings: list[dict[str, Any]]
    features: PooledFeatures


def read_audited(run: RunFolder) -> Audited:
    """Columns only, never maps.

    Raises: AuditError where no audit of this version has finished, and where no image has a label.
    """
    audit_key(run)
    verdicts = _read(run, "verdicts", None)
    if verdicts.empty:
        raise AuditError(
            f"no image of {run.root} has a label, so nobody can say which were mistaken; expected "
            "an audit of labelled images. Give labels (folders, a manifest or --annotations) and "
            "run the audit again"
        )
    features = read_pooled_features(run)
    images = audited_images(verdicts).merge(verdicts[["image_id", "held"]], on="image_id")
    images = images.merge(_read(run, "predictions", _PREDICTIONS), on="image_id")
    manifest = run.dataset("manifest").to_table(columns=["image_id", "uri", "tags"])
    images = images.merge(manifest.select(["image_id", "uri"]).to_pandas(), on="image_id")
    first = _read(run, "near_duplicates", ["image_id", "first_id"])
    images = images.merge(first, on="image_id", how="left")
    images["first_id"] = images["first_id"].fillna(images["image_id"]).astype(np.int64)
    single = ["held", "probability", "label_probability"]
    images = images.astype(dict.fromkeys(single, np.float64))
    tags = manifest_tags(manifest.select(["image_id", "tags"]).to_batches()).set_index("image_id")
    findings = run.dataset("findings").to_table(columns=FINDINGS.names).to_pylist()
    return Audited(
        [str(name) for name in run.audit()["classes"]],
        images,
        tags.reindex(images["image_id"]).reset_index(drop=True),
        _contexts(run, images["image_id"]),
        sorted((row for row in findings if row["confirmed"]), key=lambda row: int(row["rank"])),
        features.of(np.isin(features.image_id, images["image_id"])),
    )


def _read(run: RunFolder, name: str, columns: list[str] | None) -> pd.DataFrame:
    return run.dataset(name).to_table(columns=columns).to_pandas()


def _contexts(run: RunFolder, image_id: "pd.Series[int]") -> dict[int, Bools]:
    members = _read(run, "cluster_members", ["image_id", "contexts"])
    shown = members.explode("contexts").dropna()
    return {
        int(cluster): image_id.isin(rows["image_id"]).to_numpy()
        for cluster, rows in shown.groupby("contexts")
    }
