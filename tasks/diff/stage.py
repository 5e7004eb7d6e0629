"""All that differs between two audits."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa

from tasks.diff.alignment import Alignment, align
from tasks.diff.finding_changes import finding_changes
from tasks.diff.map_changes import map_changes
from tasks.diff.mended import mended
from tasks.diff.mistakes import mistake_changes, mistake_counts
from tasks.diff.quantities import compare_quantities
from tasks.diff.run_images import read_run_images
from tasks.diff.unit_changes import LayerChange, unit_changes
from tasks.diff.worst_groups import worst_groups
from tasks.errors import AuditError
from tasks.tables.diff_schemas import IMAGE_PAIRS, PAIRED_BY
from tasks.tables.storage import RunFolder


@dataclass(frozen=True)
class Difference:
    """aligned : the audits side by side
    tables : by name: image_pairs, quantities, mistake_changes, mistake_counts, finding_changes,
        worst_groups, mended, mended_evidence, map_changes, unit_changes, of those schemas
    layers : of the units
    coverage : of `coverage`
    """

    aligned: Alignment
    tables: dict[str, pa.Table]
    layers: list[LayerChange] = field(default_factory=list)

    @property
    def coverage(self) -> dict[str, Any]:
        return coverage(self.aligned)


def compare_runs(run_a: RunFolder, run_b: RunFolder) -> Difference:
    """What differs between two finished audits, from their tables alone.

    Raises: AuditError where either is no finished audit of this version, where both are the same
    folder, and where they have no class in common.
    """
    if run_a.root.resolve() == run_b.root.resolve():
        raise AuditError(
            f"{run_a.root} was given twice; expected the folders of two audits, the earlier first"
        )
    aligned = align(read_run_images(run_a), read_run_images(run_b))
    units, layers = unit_changes(aligned)
    quantities = compare_quantities(aligned)
    findings = finding_changes(aligned.run_a, aligned.run_b, aligned.classes)
    classes, evidence = mended(aligned, findings, quantities)
    tables = {
        "image_pairs": image_pairs(aligned),
        "quantities": quantities,
        "mistake_changes": mistake_changes(aligned),
        "mistake_counts": mistake_counts(aligned),
        "finding_changes": findings,
        "worst_groups": worst_groups(aligned),
        "mended": classes,
        "mended_evidence": evidence,
        "map_changes": map_changes(aligned),
        "unit_changes": units,
    }
    return Difference(aligned, tables, layers)


def image_pairs(aligned: Alignment) -> pa.Table:
    """A table of schema IMAGE_PAIRS: every audited image of either."""
    a, b = aligned.a, aligned.b
    both = (a["present"] & b["present"]).to_numpy()
    relabelled = pd.Series(aligned.relabelled, dtype=object).where(both, None)
    frame = pd.DataFrame(
        {
            "image_id_a": a["image_id"].where(a["present"]).astype("Int64"),
            "image_id_b": b["image_id"].where(b["present"]).astype("Int64"),
            "uri": b["uri"].where(b["present"], a["uri"]),
            "paired_by": aligned.pairs["paired_by"],
            "changed": aligned.pairs["changed"],
            "relabelled": relabelled,
        }
    )
    return pa.Table.from_pandas(frame, IMAGE_PAIRS, preserve_index=False)


def coverage(aligned: Alignment) -> dict[str, Any]:
    """How many images of each audit were compared and how they were paired."""
    paired = aligned.pairs["paired_by"]
    return {
        "images_a": int(aligned.a["present"].sum()),
        "images_b": int(aligned.b["present"].sum()),
        "common": int(aligned.common.sum()),
        "only_a": int((~aligned.b["present"]).sum()),
        "only_b": int((~aligned.a["present"]).sum()),
        "relabelled": int(aligned.relabelled.sum()),
        "changed": int(aligned.pairs["changed"].eq(True).sum()),
        "paired_by": {name: int((paired == name).sum()) for name in PAIRED_BY},
        "unread_a": aligned.run_a.unread,
        "unread_b": aligned.run_b.unread,
        "classes": int(aligned.classes.shared.sum()),
        "classes_only_a": list(aligned.classes.only_a),
        "classes_only_b": list(aligned.classes.only_b),
    }
