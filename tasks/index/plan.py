"""What an audit will do: checked, counted and cut into shards before any work starts."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cam_kernels.layers.target_layer import SpatialLayer
from tasks.config import AuditConfig, check_preprocessing
from tasks.errors import AuditError
from tasks.images.preprocessing import Preprocessing
from tasks.index.facts import audit_facts
from tasks.index.layout import Layout, lay_out
from tasks.index.manifest import build_manifest
from tasks.index.previous import Previous, open_previous, usable
from tasks.input_config import InputConfig
from tasks.model.loaded import LoadedModel
from tasks.model.loading import load_model
from tasks.model.probe import choose_layer, probe_layers
from tasks.tables.completion import remove_added_to_others
from tasks.tables.identity import refuse_other, shard_identity
from tasks.tables.shards import Shard
from tasks.tables.storage import RunFolder
from tasks.tables.taken import take_over
from tasks.tables.whole_files import write_json, write_table


@dataclass(frozen=True)
class Plan:
    """Everything that is known before the first image is read."""

    run: RunFolder
    config: AuditConfig
    facts: dict[str, Any]  # content of audit.json
    manifest: pa.Table
    shards: tuple[Shard, ...]
    previous: Previous | None = None

    @property
    def earlier(self) -> RunFolder | None:
        """The run that shards are taken from, if any."""
        return usable(self.previous)


def plan_audit(config: AuditConfig) -> Plan:
    """Load the model once, list the images, cut them into shards. Writes nothing.

    Raises: AuditError for anything in the configuration that cannot work, and for a run folder that
    holds an audit of another configuration, or anything that is no audit.
    """
    if Path(config.out).is_relative_to(config.images):
        raise AuditError(
            f"the run folder {config.out} lies inside the images {config.images}, whose pictures "
            "it would join. Give another --out"
        )
    loaded = load_model(config.model, config.weights)
    preprocessing = replace(resolve_preprocessing(loaded, config), fast_decode=config.fast_decode)
    layers, num_classes = probe_layers(loaded, preprocessing.crop, config.model)
    chosen = choose_layers(layers, config, num_classes, loaded, preprocessing.crop)
    categories = list(loaded.categories) or [f"class {i}" for i in range(num_classes)]
    manifest, classes = build_manifest(
        config.images, categories, config.classes or loaded.classes_file, config.annotations,
        config.roots,
    )  # fmt: skip
    facts = audit_facts(config, loaded, preprocessing, chosen, classes, len(manifest))
    run = RunFolder(config.out)
    _refuse_foreign(run, facts)
    previous = open_previous(config, facts)
    layout = lay_out(manifest, config.shard_size, usable(previous))
    shards = _cut(layout, shard_identity(facts))
    facts["shards"] = len(shards)
    return Plan(run, config, facts, layout.manifest, shards, previous)


def choose_layers(
    layers: list[SpatialLayer],
    config: AuditConfig,
    num_classes: int,
    loaded: LoadedModel,
    crop: int,
) -> list[SpatialLayer]:
    """The target layer, and the further ones whose units are mined.

    layers, num_classes : what `probe_layers` finds

    Raises: AuditError for a layer that is not there, has no grid or is named twice.
    """
    wanted = (config.target_layer, *config.further_layers)
    chosen = [choose_layer(layers, w, num_classes, loaded, crop, config.model) for w in wanted]
    names = [layer.name for layer in chosen]
    if len(set(names)) < len(names):
        raise AuditError(
            f"unit_layers {config.unit_layers!r} names a layer twice, or {names[0]!r}, the target "
            "layer, whose units are always mined; expected other layers, each once"
        )
    return chosen


def write_plan(plan: Plan) -> None:
    """Start or continue the run folder: audit.json, what is taken over, and the manifest.

    Raises: AuditError where the folder came to hold something else since it was planned.
    """
    run = plan.run
    _refuse_foreign(run, plan.facts)
    for file in (run.complete_file, run.taken_file):
        file.unlink(missing_ok=True)
    remove_added_to_others(run, plan.shards)
    run.remove_shards_from(len(plan.shards))
    write_json(run.audit_file, plan.facts)
    if plan.earlier is not None:
        take_over(run, plan.shards, plan.config.second_pass, plan.earlier)
    for shard in plan.shards:
        rows = plan.manifest.slice(shard.start, shard.stop - shard.start)
        file = run.table_file("manifest", shard.index)
        if not file.exists() or not _holds(file, rows):
            write_table(file, rows)


def _refuse_foreign(run: RunFolder, facts: dict[str, Any]) -> None:
    if run.audit_file.exists():
        refuse_other(run, facts)
    elif run.root.exists() and not run.root.is_dir():
        raise AuditError(f"{run.root} is a file; expected a folder to write. Give another --out")
    elif run.root.exists() and any(file != run.lock_file for file in run.root.iterdir()):
        raise AuditError(
            f"{run.root} is not empty and holds no audit; expected a new folder or one of an "
            "earlier audit. Give another --out"
        )


def resolve_preprocessing(loaded: LoadedModel, config: InputConfig) -> Preprocessing:
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


def _cut(layout: Layout, identity: dict[str, Any]) -> tuple[Shard, ...]:
    shards = []
    stops = [*layout.starts[1:], len(layout.manifest)]
    for index, (start, stop) in enumerate(zip(layout.starts, stops, strict=True)):
        rows = layout.manifest.slice(start, stop - start)
        text = f"{sorted(identity.items())!r}{rows.to_pylist()!r}"
        key = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        shards.append(Shard(index, start, stop, key))
    return tuple(shards)


def _holds(file: Path, rows: pa.Table) -> bool:
    try:
        stored: pa.Table = pq.read_table(file)
    except (OSError, pa.ArrowException):
        return False
    return bool(stored.equals(rows))
