"""What the second pass did, for second_pass.json."""

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from tasks.second_pass.plan import FORWARDS_PER_IMAGE, SEED, SecondPassPlan
from tasks.tables.background_schemas import OBJECT_SOURCES
from tasks.tables.by_image import columns_by_image, stored_image_ids
from tasks.tables.storage import RunFolder

_COUNTED = ["correct", "stratum", "gap", "object_source"]


def summarise_second_pass(run: RunFolder, plan: SecondPassPlan) -> dict[str, Any]:
    """Counts of images, forwards and donors, once the verdicts are stored."""
    image_id = stored_image_ids(run, "verdicts")
    verdicts = pd.DataFrame(columns_by_image(run, "verdicts", _COUNTED, image_id), copy=False)
    tested = verdicts[verdicts["stratum"].notna()]
    control = tested[tested["correct"] & (tested["stratum"] == "random")]["gap"].dropna()
    sources = verdicts["object_source"].value_counts()
    tests = plan.tests.to_pandas()
    records = [_record(run, shard.index) for shard in plan.shards]
    lent = {i for role in tests.filter(like="donors_") for ids in tests[role] for i in ids}
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "budget": run.audit()["config"]["second_pass"],
        "forwards": sum(record["forwards"] for record in records),
        "forwards_per_image": FORWARDS_PER_IMAGE,
        "images": len(verdicts),
        "mistakes": int((~verdicts["correct"]).sum()),
        "tested_suspicious": int((tested["stratum"] == "suspicious").sum()),
        "tested_random": int((tested["stratum"] == "random").sum()),
        "tested_mistakes": int((~tested["correct"]).sum()),
        "tested_correct": int(tested["correct"].sum()),
        "gap_threshold": float(np.quantile(control, 0.95)) if len(control) else None,
        "donors": len(lent),
        "object_sources": {
            **{name: int(sources.get(name, 0)) for name in OBJECT_SOURCES},
            "none": int(verdicts["object_source"].isna().sum()),
        },
        "seconds": sum(record["seconds"] for record in records),
        "failed_shards": [
            {"shard": r["shard"], "images": r["images"], "error": r["error"]}
            for r in records
            if "error" in r
        ],
        "seed": SEED,
    }


def _record(run: RunFolder, shard: int) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(run.record_file("tests", shard).read_text())
    return record
