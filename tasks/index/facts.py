"""audit.json: what is audited and how."""

import importlib.metadata
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cam_kernels.layers.ceiling import find_ceilings
from cam_kernels.layers.receptive_field import receptive_fields
from cam_kernels.layers.target_layer import SpatialLayer
from tasks.config import AuditConfig
from tasks.images.preprocessing import Preprocessing
from tasks.index.classes import ClassList
from tasks.model.loaded import LoadedModel
from tasks.model.loading import model_digest
from tasks.model.probe import example_images, is_closed_form
from tasks.tables.schemas import SCHEMA_VERSION


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
        "preprocessing": preprocessing.to_dict(),
        "classes": list(classes.names),
        "images": images,
    }


def _unit_layers(
    loaded: LoadedModel, layers: Sequence[SpatialLayer], crop: int
) -> list[dict[str, Any]]:
    """Name, channels, rows and cols of each layer; what its units see: start, size and jump of
    `ReceptiveField`, or None for all that the model sees; and the ceiling that cuts them off."""
    fields, names = receptive_fields(loaded.module), [layer.name for layer in layers]
    ceilings = find_ceilings(loaded.module, names, example_images(loaded, crop))
    listed = []
    for layer in layers:
        field = fields.get(layer.name)
        sees = None if field is None else {k: list(v) for k, v in asdict(field).items()}
        grid = {key: getattr(layer, key) for key in ("name", "channels", "rows", "cols")}
        most = ceilings[layer.name].most if layer.name in ceilings else None
        listed.append({**grid, "receptive_field": sees, "ceiling": most})
    return listed
