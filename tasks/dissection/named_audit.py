"""A finished audit whose manifest names objects."""

from typing import Any

from tasks.errors import AuditError
from tasks.images.named_objects import has_names
from tasks.tables.schemas import SCHEMA_VERSION
from tasks.tables.storage import RunFolder

COLUMNS = ["image_id", "uri", "label", "mask_uri", "mask_name", "boxes", "box_names"]

NAMES_NEEDED = (
    "Name them: a column 'box_names' beside 'boxes' in the manifest, masks ('mask_name', else the "
    "label's class names them), or --annotations with a COCO json whose categories are named; then "
    "run the audit again"
)


def finished_facts(run: RunFolder) -> dict[str, Any]:
    """Content of audit.json. Raises: AuditError where another version wrote it."""
    facts = run.audit()
    if facts.get("schema_version") != SCHEMA_VERSION:
        raise AuditError(
            f"{run.root} was written by another version of camaudit: expected schema "
            f"{SCHEMA_VERSION}, got {facts.get('schema_version')}. Run the audit again"
        )
    return facts


def require_names(run: RunFolder, rows: list[dict[str, Any]], classes: list[str]) -> None:
    """AuditError where no row names an object."""
    if not any(has_names(row, classes) for row in rows):
        boxes = sum(bool(row["boxes"]) for row in rows)
        masks = sum(row["mask_uri"] is not None for row in rows)
        raise AuditError(
            f"no object is named in the {len(rows)} images of {run.root}: expected boxes or masks "
            f"with names, got {boxes} images with boxes, {masks} with masks. {NAMES_NEEDED}"
        )
