"""What an audit will do: checked, counted and cut into shards before any work starts."""

import hashlib
import importlib.metadata
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from cam_kernels.head import find_gap_linear_head
from cam_kernels.target_layer import SpatialLayer, default_target_layer, spatial_layers
from tasks.classes import ClassList
from tasks.config import AuditConfig, check_preprocessing
from tasks.errors import AuditError
from tasks.manifest import build_manifest
from tasks.model_sources import LoadedModel, unknown_name
from tasks.models import load_model, model_digest
from tasks.preprocessing import Preprocessing
from tasks.schemas import SCHEMA_VERSION
from tasks.storage import RunFolder, write_json, write_table


@dataclass(frozen=True)
class Shard:
    """A run of consecutive manifest rows, start <= image_id < stop.

    key : changes when anything changes that the shard's tables depend on
    """

    index: int
    start: int
    stop: int
    key: str


@dataclass(frozen=True)
class Plan:
    """Everything that is known before the first image is read."""

    run: RunFolder
    config: AuditConfig
    facts: dict[str, Any]  # content of audit.json
    manifest: pa.Table
    shards: tuple[Shard, ...]


def plan_audit(config: AuditConfig) -> Plan:
    """Load the model once, list the images, cut them into shards. Writes nothing.

    Raises: AuditError for anything in the configuration that cannot work.
    """
    if Path(config.out).is_relative_to(config.images):
        raise AuditError(
            f"the run folder {config.out} lies inside the images {config.images}, whose pictures "
            "it would join. Give another --out"
        )
    loaded = load_model(config.model, config.weights)
    preprocessing = resolve_preprocessing(loaded, config)
    layers, num_classes = probe_layers(loaded, preprocessing.crop, config.model)
    layer = choose_layer(layers, config.target_layer, num_classes, loaded, config.model)
    categories = list(loaded.categories) or [f"class {i}" for i in range(num_classes)]
    manifest, classes = build_manifest(
        config.images, categories, config.classes, config.annotations
    )
    facts = _facts(config, loaded, preprocessing, layer, classes, len(manifest))
    shards = _cut(manifest, config.shard_size, _identity(facts))
    facts["shards"] = len(shards)
    return Plan(RunFolder(config.out), config, facts, manifest, shards)


def write_plan(plan: Plan) -> None:
    """Start or continue the run folder: audit.json and the manifest.

    Raises: AuditError where the folder holds an audit of another configuration, or anything
    that is no audit.
    """
    run = plan.run
    if run.audit_file.exists():
        _refuse_other(run, plan.facts)
    elif run.root.exists() and not run.root.is_dir():
        raise AuditError(f"{run.root} is a file; expected a folder to write. Give another --out")
    elif run.root.exists() and any(run.root.iterdir()):
        raise AuditError(
            f"{run.root} is not empty and holds no audit; expected a new folder or one of an "
            "earlier audit. Give another --out"
        )
    run.complete_file.unlink(missing_ok=True)
    run.remove_shards_from(len(plan.shards))
    write_json(run.audit_file, plan.facts)
    for shard in plan.shards:
        rows = plan.manifest.slice(shard.start, shard.stop - shard.start)
        file = run.table_file("manifest", shard.index)
        if not file.exists() or not _holds(file, rows):
            write_table(file, rows)


def resolve_preprocessing(loaded: LoadedModel, config: AuditConfig) -> Preprocessing:
    """What the model's source states, with what the configuration overrides.

    Raises: AuditError where something is stated by neither.
    """
    names = ("resize", "crop", "mean", "std", "interpolation")
    values = {"interpolation": "bilinear", **loaded.preprocessing}
    values.update({n: getattr(config, n) for n in names if getattr(config, n) is not None})
    missing = [f"--{name}" for name in names if name not in values]
    if missing:
        raise AuditError(
            f"{config.model} states no preprocessing, and without the one it was trained with "
            f"its predictions mean nothing. Give {', '.join(missing)}"
        )
    check_preprocessing({name: values[name] for name in names}, config.model)
    return Preprocessing(**{name: values[name] for name in names})


def probe_layers(loaded: LoadedModel, crop: int, name: str) -> tuple[list[SpatialLayer], int]:
    """Layers with a grid and the number of classes, from one forward of noise.

    Raises: AuditError where the model does not take such an input or returns no logits.
    """
    try:
        return spatial_layers(loaded.module, example_images(loaded, crop))
    except ValueError as error:
        raise AuditError(f"{name}: {error}") from error
    except Exception as error:  # a user's forward may raise anything
        raise AuditError(
            f"{name} fails on an input of 3 x {crop} x {crop}: {type(error).__name__}: {error}. "
            "Give the --crop that the model was trained with"
        ) from error


def example_images(loaded: LoadedModel, crop: int) -> torch.Tensor:
    """Seeded noise of the shape that the model takes."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn((loaded.fixed_batch or 2, 3, crop, crop), generator=generator)


def choose_layer(
    layers: list[SpatialLayer],
    wanted: str | None,
    num_classes: int,
    loaded: LoadedModel,
    name: str,
) -> SpatialLayer:
    """The layer asked for, or the default one.

    Raises: AuditError for a layer that is not there or has no grid.
    """
    by_name = {layer.name: layer for layer in layers}
    if wanted is None:
        try:
            wanted = default_target_layer(layers, num_classes, loaded.module)
        except ValueError as error:
            raise AuditError(f"{name}: {error}") from error
    if wanted not in by_name:
        exists = wanted in dict(loaded.module.named_modules())
        what = (
            f"layer {wanted!r} of {name} puts out no grid of shape (N, channels, rows, cols)"
            if exists
            else unknown_name(f"layer of {name}", wanted, list(by_name))
        )
        raise AuditError(f"{what}. List the layers with: camaudit layers {name}")
    return by_name[wanted]


def list_layers(model: str, crop: int | None) -> tuple[list[SpatialLayer], str]:
    """Layers of a model with a grid, and the name of the default one.

    crop : side of the input in pixels; default: the model's own, or 224

    Raises: AuditError.
    """
    loaded = load_model(model, None, untrained=True)
    layers, num_classes = probe_layers(loaded, crop or loaded.preprocessing.get("crop", 224), model)
    return layers, choose_layer(layers, None, num_classes, loaded, model).name


def _facts(
    config: AuditConfig,
    loaded: LoadedModel,
    preprocessing: Preprocessing,
    layer: SpatialLayer,
    classes: ClassList,
    images: int,
) -> dict[str, Any]:
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
            "closed_form": _is_closed_form(loaded, layer, preprocessing, config),
            "digest": model_digest(loaded.module, loaded.source),
        },
        "preprocessing": asdict(preprocessing),
        "classes": list(classes.names),
        "images": images,
    }


def _is_closed_form(
    loaded: LoadedModel, layer: SpatialLayer, preprocessing: Preprocessing, config: AuditConfig
) -> bool:
    images = example_images(loaded, preprocessing.crop)
    head = find_gap_linear_head(loaded.module, layer.name, images)
    if config.method == "cam" and head is None:
        raise AuditError(
            f"method 'cam' needs global average pooling and one linear layer after {layer.name!r}, "
            f"which {config.model} has not; use --method gradcam++ or gradcam"
        )
    return head is not None and not config.exact


def _identity(facts: dict[str, Any]) -> dict[str, Any]:
    """The part of audit.json that the tables depend on, images aside."""
    config = facts["config"]
    return {
        "schema_version": facts["schema_version"],
        **{key: config[key] for key in ("images", "annotations", "method", "exact", "top_k")},
        **{key: config[key] for key in ("unit_top_k", "shard_size")},
        "model": {k: v for k, v in facts["model"].items() if k != "name"},
        "preprocessing": {k: _listed(v) for k, v in facts["preprocessing"].items()},
        "classes": facts["classes"],
    }


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _refuse_other(run: RunFolder, facts: dict[str, Any]) -> None:
    wanted = _identity(facts)
    try:
        stored = _identity(run.audit())
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


def _cut(manifest: pa.Table, size: int, identity: dict[str, Any]) -> tuple[Shard, ...]:
    shards = []
    for index, start in enumerate(range(0, len(manifest), size)):
        rows = manifest.slice(start, size)
        text = f"{sorted(identity.items())!r}{rows.to_pylist()!r}"
        key = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        shards.append(Shard(index, start, start + len(rows), key))
    return tuple(shards)


def _holds(file: Path, rows: pa.Table) -> bool:
    try:
        stored: pa.Table = pq.read_table(file)
    except (OSError, pa.ArrowException):
        return False
    return bool(stored.equals(rows))
