"""Every method's maps measured on the same images, from a finished audit to three tables."""

import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import torch

from tasks.errors import AuditError
from tasks.explain.audited_model import AuditedModel
from tasks.faithfulness.comparison import compare_methods
from tasks.faithfulness.measurements import Measurements
from tasks.faithfulness.measures import BETTER
from tasks.faithfulness.plan import BASELINES, FaithfulnessPlan
from tasks.images.inputs import InputReader, read_batches
from tasks.tables.completion import write_added
from tasks.tables.schemas import FAITHFULNESS, FAITHFULNESS_CURVES, FAITHFULNESS_SUMMARY


def measure_faithfulness(
    plan: FaithfulnessPlan, model: AuditedModel, advance: Callable[[int], None]
) -> Measurements:
    """Measure every method and baseline on the images of the plan, and write the tables.

    An image that can no longer be read is left out and counted. Nothing is written before all
    is measured; an earlier measurement stays until then.

    advance : is told how many maps were measured

    Raises: AuditError where none of the images can be read, and for a method that cannot
    explain the model.
    """
    start = time.monotonic()
    measured = Measurements(plan)
    reader = InputReader(model.preprocessing, plan.facts["model"]["num_classes"])
    maps_each = len(plan.methods) + len(BASELINES)
    for results in read_batches(reader, plan.rows, model.batch_size, torch.get_num_threads()):
        measured.failures += [r.failure for r in results if r.failure is not None]
        images = [r.image for r in results if r.image is not None]
        advance((len(results) - len(images)) * maps_each)
        if images:
            measured.update(images, model.explain(images, plan.methods), advance)
    if not measured.images:
        raise AuditError(
            f"none of the {len(plan.rows)} images drawn can be read any more; the first: "
            f"{measured.failures[0].uri}: {measured.failures[0].error}. Bring the images back"
        )
    _write(plan, measured, str(model.device), time.monotonic() - start)
    return measured


def _write(plan: FaithfulnessPlan, measured: Measurements, device: str, seconds: float) -> None:
    values = measured.values()
    summary = compare_methods(
        values, BETTER, reference=plan.reference, baselines=BASELINES, seed=plan.seed
    )
    tables = {
        "faithfulness": (values, FAITHFULNESS),
        "faithfulness_curves": (measured.curves(), FAITHFULNESS_CURVES),
        "faithfulness_summary": (summary, FAITHFULNESS_SUMMARY),
    }
    stored = {
        name: pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
        for name, (frame, schema) in tables.items()
    }
    plain = {name: table.replace_schema_metadata(None) for name, table in stored.items()}
    write_added(plan.run, "faithfulness", plain.items(), _facts(plan, measured, device, seconds))


def _facts(
    plan: FaithfulnessPlan, measured: Measurements, device: str, seconds: float
) -> dict[str, Any]:
    return {
        "shard_keys": plan.audit_key,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": seconds,
        "device": device,
        "images": measured.images,
        "drawn": len(plan.rows),
        "audited": plan.audited,
        "seed": plan.seed,
        "steps": plan.effort.steps,
        "methods": list(plan.methods),
        "baselines": list(BASELINES),
        "reference": plan.reference,
        "measures": list(plan.effort.measures),
        "forwards_per_map": plan.effort.forwards,
        "failures": [asdict(failure) for failure in measured.failures],
    }
