"""Tables for a browser that opens pages from disk: there it may run scripts, but not fetch."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa


def write_script(folder: Path, name: str, table: pa.Table, **facts: Any) -> None:
    """Write `folder/name.js`: camaudit.receive(name, facts, table).

    The table is an Arrow IPC stream, compressed by gzip, in base64; any Arrow library reads it.

    facts : what JSON can hold
    """
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        # Readers of one batch need not copy columns together.
        writer.write_table(table.combine_chunks())
    packed = gzip.compress(sink.getvalue().to_pybytes(), 1, mtime=0)
    said = json.dumps(facts, separators=(",", ":"), allow_nan=False)
    data = base64.b64encode(packed).decode()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.js").write_text(f'camaudit.receive("{name}",{said},"{data}");\n')


def smallest_integers(values: Any) -> pa.Array:
    """Whole numbers in the narrowest type that holds them all.

    values : integers of shape (N,), none missing
    """
    array = pa.array(values)
    if not len(array):
        return array.cast(pa.int8())
    least, largest = array.to_numpy().min(), array.to_numpy().max()
    for bits in (pa.int8(), pa.int16(), pa.int32()):
        half = 2 ** (bits.bit_width - 1)
        if -half <= least and largest < half:
            return array.cast(bits)
    return array.cast(pa.float64())  # what a browser counts with; exact to 2^53
