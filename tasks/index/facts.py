"""audit.json: what is audited and how, and what makes two audits the same."""

import importlib.metadata
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cam_kernels.layers.ceiling import find_ceiling
from cam_kernels.layers.receptive_field import receptive_fields
from cam_kernels.layers.target_layer import SpatialLayer
from tasks.config import AuditConfig
from tasks.errors import AuditError
from tasks.images.preprocessing import Preprocessing
from tasks.index.classes import ClassList
from tasks.model.loaded import LoadedModel
from tasks.model.loading import model_digest
from tasks.model.probe import example_images, is_closed_form
from tasks.tables.schemas import SCHEMA_VERSION
from tasks.tables.storage import RunFolder


def audit_facts(
    config: AuditConfig,
    loaded: LoadedModel,
    preprocessing: Preprocessing,
    layers: Sequence[SpatialLayer],
    classes: ClassList,
    images: int,
) -> dict[str, Any]:
    """Content of audit.json.

    layers : the target layer, then further ones whose units are mined
    images : rows of the manifest
    """
    layer = layers[0]
    closed_form = is_closed_form(
        loaded, layer.name, preprocessing.crop, config.model, config.methods
    )
    return {
        "schema_version": SCHEMA_VERSION,
        "camaudit": importlib.metadata.version("camaudit"),
        "config": config.model_dump(mode="json"),
        "model": {
            "name": config.model,
            "num_classes": len(classes.names),
            "parameters": sum(p.numel() for p in loaded.module.parameters()),
            "target_layer": layer.name,
            "channels": layer.channels,
            "rows": layer.rows,
            "cols": layer.cols,
            "unit_layers": _unit_layers(loaded, layers, preprocessing.crop),
            "closed_form": closed_form and not config.exact and config.target == "logit",
            "digest": model_digest(loaded.module, loaded.source),
        },
        "preprocessing": asdict(preprocessing),
        "classes": list(classes.names),
        "images": images,
    }


def _unit_layers(
    loaded: LoadedModel, layers: Sequence[SpatialLayer], crop: int
) -> list[dict[str, Any]]:
    """Name, channels, rows and cols of each layer; what its units see: start, size and jump of
    `ReceptiveField`, or None for all that the model sees; and the ceiling that cuts them off."""
    fields, images = receptive_fields(loaded.module), example_images(loaded, crop)
    listed = []
    for layer in layers:
        field = fields.get(layer.name)
        sees = None if field is None else {k: list(v) for k, v in asdict(field).items()}
        grid = {key: getattr(layer, key) for key in ("name", "channels", "rows", "cols")}
        ceiling = find_ceiling(loaded.module, layer.name, images)
        most = None if ceiling is None else ceiling.most
        listed.append({**grid, "receptive_field": sees, "ceiling": most})
    return listed


def identity_of(facts: dict[str, Any]) -> dict[str, Any]:
    """The part of audit.json that the tables depend on, images aside."""
    config = facts["config"]
    return {
        "schema_version": facts["schema_version"],
        **{
            key: config[key]
            for key in ("images", "annotations", "method", "target", "exact", "top_k")
        },
        **{key: config[key] for key in ("unit_top_k", "shard_size")},
        "model": {k: v for k, v in facts["model"].items() if k != "name"},
        "preprocessing": {k: _listed(v) for k, v in facts["preprocessing"].items()},
        "classes": facts["classes"],
    }


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def refuse_other(run: RunFolder, facts: dict[str, Any]) -> None:
    """AuditError where the run folder holds an audit of another configuration."""
    wanted = identity_of(facts)
    try:
        stored = identity_of(run.audit())
    except (KeyError, TypeError, AttributeError) as error:
        raise AuditError(
            f"{run.audit_file} is damaged or of another version ({error!r}). Give another --out, "
            "or remove that folder"
        ) from error
    differences = []
    for key in wanted:
        old, new = stored.get(key), wanted[key]
        if old == new:
            continue
        if isinstance(new, dict) and isinstance(old, dict):
            differences += [f"{key}.{k}: {old.get(k)!r} there, {new[k]!r} asked for"
                            for k in new if old.get(k) != new[k]]  # fmt: skip
        elif key == "classes":
            differences.append("classes: other names or another order")
        else:
            differences.append(f"{key}: {old!r} there, {new!r} asked for")
    if differences:
        raise AuditError(
            f"{run.root} holds an audit of another configuration:\n  "
            + "\n  ".join(differences)
            + "\nGive another --out, or remove that folder."
        )
