"""Tables of a first pass, written without a model, for the clusters to read."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from tasks.tables.background_schemas import cells_schema
from tasks.tables.schemas import MANIFEST, PREDICTIONS, features_schema, heatmaps_schema
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_json, write_table


@dataclass(frozen=True)
class FirstPassTables:
    """N images; `coverage` and `energy` NaN where there is no object, `labels` -1 where unknown."""

    vectors: np.ndarray  # (N, cells, D)
    coverage: np.ndarray  # (N, cells)
    evidence: np.ndarray  # (N, units)
    labels: np.ndarray
    predicted: np.ndarray
    energy: np.ndarray
    tags: list  # of lists of (name, value), or None

    def write(self, root: Path, shards: int = 1, order: np.ndarray | None = None) -> RunFolder:
        """Write the tables; `order` is the order of all rows, else that of image_id."""
        run = RunFolder(root)
        write_json(run.audit_file, {"config": {"method": "gradcam++,layercam"}})
        rows = np.arange(len(self.labels)) if order is None else order
        for shard, chosen in enumerate(np.array_split(rows, shards)):
            for name, table in self._tables(chosen).items():
                write_table(run.table_file(name, shard), table)
        return run

    def _tables(self, ids: np.ndarray) -> dict[str, pa.Table]:
        count, (cells, dimensions) = len(ids), self.vectors.shape[1:]
        coverage = self.coverage[ids]
        correct = np.where(self.labels[ids] >= 0, self.labels[ids] == self.predicted[ids], None)
        maps = {
            "image_id": np.tile(ids, 3),
            "role": np.repeat(["predicted", "contrast", "predicted"], count),
            "method": np.repeat(["gradcam++", "gradcam++", "layercam"], count),
            "object_energy": pa.array(
                np.r_[self.energy[ids], np.full(2 * count, 0.5)], pa.float32(), from_pandas=True
            ),
        }
        columns = {
            "cells": (cells_schema(cells, dimensions), {
                "image_id": ids,
                "vectors": half_lists(self.vectors[ids].reshape(count, cells * dimensions)),
                "coverage": half_lists(coverage, np.isnan(coverage).all(axis=1)),
            }),
            "features": (features_schema(self.evidence.shape[1]), {
                "image_id": ids, "evidence": half_lists(self.evidence[ids]),
            }),
            "predictions": (PREDICTIONS, {
                "image_id": ids, "label": self.labels[ids], "predicted": self.predicted[ids],
                "correct": pa.array(correct, pa.bool_()),
            }),
            "manifest": (MANIFEST, {"image_id": ids, "tags": [self.tags[i] for i in ids]}),
            "heatmaps": (heatmaps_schema(cells), maps),
        }  # fmt: skip
        return {name: fill(schema, given) for name, (schema, given) in columns.items()}


def fill(schema: pa.Schema, given: dict) -> pa.Table:
    """A table of the columns that are given, the others null."""
    count = len(given["image_id"])
    arrays = {f.name: given.get(f.name, pa.nulls(count, f.type)) for f in schema}
    return pa.table(arrays, schema=schema)


def half_lists(values: np.ndarray, null: np.ndarray | None = None) -> pa.Array:
    flat = pa.array(values.astype(np.float16).reshape(-1))
    mask = None if null is None else pa.array(null)
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1], mask=mask)


def random_tables(seed: int = 0, images: int = 60, **changes) -> FirstPassTables:
    """Three classes on two backgrounds, some mistakes, some images without label or object."""
    random = np.random.default_rng(seed)
    labels = random.integers(-1, 3, images)
    coverage = random.random((images, 6)).astype(np.float16).astype(np.float64)
    coverage[random.random(images) < 0.3] = np.nan
    sites = random.integers(0, 2, images)
    centres = random.normal(size=(4, 8))
    cells = centres[2 * sites[:, None] + random.integers(0, 2, (images, 6))]
    evidence = np.abs(random.normal(size=(2, 16)))[sites] + 0.1 * random.random((images, 16))
    tables = FirstPassTables(
        vectors=cells + 0.2 * random.normal(size=cells.shape),
        coverage=coverage,
        evidence=evidence,
        labels=labels,
        predicted=np.where(random.random(images) < 0.7, np.abs(labels), random.integers(0, 3)),
        energy=np.where(np.isnan(coverage[:, 0]), np.nan, random.random(images)),
        tags=[None if i % 7 == 0 else [("site", f"s{s}"), ("id", str(i))]
              for i, s in enumerate(sites)],
    )  # fmt: skip
    return replace(tables, **changes)
