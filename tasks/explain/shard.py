"""The first pass over one shard: images in, Parquet and a record out."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cam_kernels.first_pass import FirstPassBatch
from tasks.explain.auditor import Auditor
from tasks.explain.background_rows import background_columns
from tasks.explain.feature_rows import cell_columns, feature_columns
from tasks.explain.heatmap_rows import heatmap_columns
from tasks.explain.peak_rows import peak_columns
from tasks.explain.prediction_rows import label_ranks, prediction_columns
from tasks.explain.shard_files import grid_schemas, write_shard_tables
from tasks.images.inputs import Failure, InputImage, InputReader, read_batches
from tasks.images.object_grid import object_grid
from tasks.localization.shard_rows import ShardLocalization
from tasks.tables.schemas import FAILURES, PREDICTIONS
from tasks.tables.shards import Shard, write_record
from tasks.tables.storage import RunFolder


class ShardTables:
    """What has been learned of a shard's images so far.

    model : what audit.json says of it
    """

    def __init__(self, auditor: Auditor, model: dict[str, Any]) -> None:
        self._auditor, self._model = auditor, model
        self._batches: dict[str, list[pa.Table]] = {
            n: [] for n in ("predictions", "heatmaps", "features", "background", "cells", "peaks")
        }
        self._localization = ShardLocalization(auditor.preprocessing.crop, auditor.settings.threads)
        self.failures: list[Failure] = []

    def start(self, images: list[InputImage], uris: dict[int, str]) -> Callable[[], None]:
        """Begin to explain one batch; what it returns keeps the batch's rows. Images without
        finite logits fail, and so do those that the model raises for; a model that raises for
        all of them is no image's fault.
        """
        try:
            result = self._auditor.start(images)
        except Exception as error:  # a user's forward may raise anything
            return partial(self._explain_singly, images, uris, error)

        def finish() -> None:
            try:
                batch = result()
            except Exception as error:  # on a GPU it may raise here
                self._explain_singly(images, uris, error)
                return
            self._take(images, batch, uris)

        return finish

    def _explain_singly(
        self, images: list[InputImage], uris: dict[int, str], error: Exception
    ) -> None:
        refused: list[Failure] = []
        for image in images:
            try:
                batch = self._auditor.start([image])()
            except Exception as own:
                reason = f"{type(own).__name__}: {own}"
                refused.append(Failure(image.image_id, uris[image.image_id], "model", reason))
            else:
                self._take([image], batch, uris)
        if len(refused) == len(images) > 1:
            raise error
        self.failures += refused

    def _take(self, images: list[InputImage], batch: FirstPassBatch, uris: dict[int, str]) -> None:
        finite = batch.logits.isfinite().all(dim=1)
        if not finite.all():
            reason = "the model's logits are not finite for this image"
            for image, good in zip(images, finite.tolist(), strict=True):
                if not good:
                    uri = uris[image.image_id]
                    self.failures.append(Failure(image.image_id, uri, "model", reason))
            images = [i for i, good in zip(images, finite.tolist(), strict=True) if good]
            batch = FirstPassBatch(**{name: value[finite] for name, value in vars(batch).items()})
        if images:
            self._keep(images, batch)

    def _keep(self, images: list[InputImage], batch: FirstPassBatch) -> None:
        settings = self._auditor.settings
        self._batches["predictions"].append(
            pa.table(prediction_columns(images, batch, settings.top_k), schema=PREDICTIONS)
        )
        grid = object_grid(images, *batch.contrast.shape[1:])
        schemas = grid_schemas(self._model)
        columns = {
            "heatmaps": heatmap_columns(images, batch, settings, grid),
            "features": feature_columns(images, batch, settings.target_layer),
            "background": background_columns(images, batch, grid),
            "cells": cell_columns(images, batch, grid),
            "peaks": peak_columns(images, batch, schemas["peaks"]),
        }
        for name, of_table in columns.items():
            self._batches[name].append(pa.table(of_table, schema=schemas[name]))
        maps, ranks = self._batches["heatmaps"][-1], label_ranks(images, batch)
        self._localization.update(images, maps, ranks, settings.methods[0])

    def write(self, run: RunFolder, shard: int) -> list[Path]:
        """Write every table of the shard, empty ones included; returns the files."""
        tables = {name: pa.concat_tables(parts) for name, parts in self._batches.items() if parts}
        tables["localization"] = self._localization.rows()
        tables["localization_pixels"] = self._localization.pixel_counts()
        tables["failures"] = pa.Table.from_pylist([asdict(f) for f in self.failures], FAILURES)
        return write_shard_tables(run, shard, self._model, tables)


def explain_shard(auditor: Auditor, root: str, shard: Shard) -> dict[str, Any]:
    """Run the first pass over one shard and write its tables, then its record.

    root : the run folder; its audit.json and the shard's manifest stand there

    Returns: the record: shard, key, images, failed, and a checksum per file.
    """
    run = RunFolder(root)
    manifest = run.table_file("manifest", shard.index)
    rows = pq.read_table(manifest).to_pylist()
    uris = {row["image_id"]: row["uri"] for row in rows}
    reader = InputReader(auditor.preprocessing, auditor.settings.num_classes)
    tables = ShardTables(auditor, run.audit()["model"])
    threads = auditor.settings.threads
    finish: Callable[[], object] = tuple  # nothing is begun yet
    for results in read_batches(reader, rows, auditor.batch_size, threads):
        tables.failures += [r.failure for r in results if r.failure is not None]
        images = [r.image for r in results if r.image is not None]
        if images:  # a GPU computes the next batch while rows are made of this one
            started = tables.start(images, uris)
            finish()
            finish = started
    finish()
    tables.failures.sort(key=lambda failure: failure.image_id)
    files = tables.write(run, shard.index)
    failed = len({f.image_id for f in tables.failures if f.stage != "mask"})
    counts = {"images": len(rows), "failed": failed}
    return write_record(run, shard, [manifest, *files], counts)
