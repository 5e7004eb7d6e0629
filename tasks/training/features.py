"""What a frozen base says of every image: computed once, stored in parts, never computed again."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor, nn

from tasks.errors import AuditError
from tasks.images.preprocessing import Preprocessing
from tasks.model.linear_head import linear_of
from tasks.tables.whole_files import write_table
from tasks.training.examples import Examples
from tasks.training.pictures import Pictures, Unreadable, stack

_PART = 512  # images
_KEY = b"camaudit"


@dataclass(frozen=True)
class Features:
    """Inputs of the last linear layer, in eval mode, of the images that can be read.

    values : float16, shape (N, K), finite
    rows : int64, shape (N,): which of the examples each is
    """

    values: npt.NDArray[np.float16]
    rows: npt.NDArray[np.int64]


def features_schema(units: int) -> pa.Schema:
    """A row for each image that can be read."""
    return pa.schema(
        {
            "row": pa.int64(),  # of the examples
            "image_id": pa.int64(),
            "uri": pa.string(),
            "content_key": pa.string(),
            "label": pa.int32(),
            "split": pa.string(),  # train or validation
            "feature": pa.list_(pa.float16(), units),
        }
    )


class Extractor:
    """Runs a module for the inputs of one of its layers.

    layer : an nn.Linear whose inputs have the shape (N, K)
    """

    def __init__(
        self, module: nn.Module, layer: str, preprocessing: Preprocessing, device: torch.device
    ) -> None:
        self._module = module.eval().to(device)
        self._layer, self._preprocessing, self._device = layer, preprocessing, device
        self.units = linear_of(module, layer).in_features

    def __call__(self, views: Tensor) -> Tensor:
        """Features of pictures, uint8 (N, 3, crop, crop): float32, shape (N, K), on the CPU."""
        seen: list[Tensor] = []
        linear = linear_of(self._module, self._layer)
        handle = linear.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
        try:
            with torch.inference_mode():
                self._module(self._preprocessing.normalise(views.to(self._device)))
        finally:
            handle.remove()
        return seen[0].float().cpu()


def extract_features(
    extractor: Extractor,
    pictures: Pictures,
    examples: Examples,
    folder: Path,
    key: str,
    advance: Callable[[int], None],
    batch_size: int = 32,
    threads: int = 2,
) -> tuple[Features, list[Unreadable]]:
    """The features of all examples; parts that are stored under this key are read again.

    key : of the base and of the examples, all that features depend on
    advance : told how many images are done since the last call

    Raises: AuditError where a feature is not finite.
    """
    schema = features_schema(extractor.units)
    unreadable: list[Unreadable] = []
    tables = []
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for part, start in enumerate(range(0, len(examples), _PART)):
            rows = range(start, min(start + _PART, len(examples)))
            file = folder / f"part-{part:05d}.parquet"
            stored = _stored(file, key, schema)
            if stored is None:
                read = list(zip(rows, pool.map(pictures.try_cut, rows), strict=True))
                good = [(row, view) for row, view in read if isinstance(view, Tensor)]
                failed = [view for _, view in read if isinstance(view, Unreadable)]
                stored = _table(extractor, good, examples, schema, batch_size)
                write_table(file, _with_facts(stored, key, failed))
            else:
                failed = _failed(stored)
            unreadable += failed
            tables.append(stored.replace_schema_metadata(None))
            advance(len(rows))
    whole = pa.concat_tables(tables)
    return Features(_values(whole, extractor.units), whole["row"].to_numpy()), unreadable


def _table(
    extractor: Extractor,
    good: list[tuple[int, Tensor]],
    examples: Examples,
    schema: pa.Schema,
    batch_size: int,
) -> pa.Table:
    rows = [row for row, _ in good]
    batches = [
        extractor(stack([view for _, view in good[i : i + batch_size]]))
        for i in range(0, len(good), batch_size)
    ]
    values = torch.cat(batches) if batches else torch.zeros(0, extractor.units)
    half = values.half().numpy()
    if not np.isfinite(half).all():
        raise AuditError(
            "the frozen base's features of some images are not finite in float16 (largest: "
            f"{float(values.abs().max()):g}); expected numbers below 65,504. Use --way "
            "finetune, or another --model"
        )
    chosen = examples.manifest.take(rows)
    split = ["validation" if examples.in_validation[row] else "train" for row in rows]
    columns = {name: chosen[name] for name in ("image_id", "uri", "content_key", "label")}
    flat = pa.FixedSizeListArray.from_arrays(pa.array(half.ravel()), extractor.units)
    return pa.table({"row": rows, **columns, "split": split, "feature": flat}, schema=schema)


def _values(table: pa.Table, units: int) -> npt.NDArray[np.float16]:
    flat = table["feature"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(table.num_rows, units).astype(np.float16)


def _with_facts(table: pa.Table, key: str, failed: list[Unreadable]) -> pa.Table:
    facts = {"key": key, "unreadable": [[f.row, f.uri, f.error] for f in failed]}
    return table.replace_schema_metadata({_KEY: json.dumps(facts)})


def _stored(file: Path, key: str, schema: pa.Schema) -> pa.Table | None:
    """The part, if it is there whole and under this key."""
    try:
        table = pq.read_table(file)
        facts = json.loads(table.schema.metadata[_KEY])
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None
    return table if facts["key"] == key and table.schema.equals(schema) else None


def _failed(table: pa.Table) -> list[Unreadable]:
    facts = json.loads(table.schema.metadata[_KEY])
    return [Unreadable(*each) for each in facts["unreadable"]]
