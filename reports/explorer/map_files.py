"""The maps of every image, one byte a cell, in files that the browser loads when needed."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from reports.explorer.script_files import smallest_integers, write_script
from reports.map_cells import Bytes, quantise
from tasks.statistics.seeded_hash import Ids
from tasks.tables.by_image import is_among
from tasks.tables.schemas import ROLES
from tasks.tables.storage import RunFolder

IMAGES_PER_FILE = 128
_COLUMNS = [
    "image_id", "role", "class_idx", "against_idx", "scale", "state", "rows", "cols", "heatmap",
]  # fmt: skip


class MapStore:
    """The maps of some images by the first method, quantised: N x roles x cells bytes.

    image_ids : ascending, shape (N,)
    """

    def __init__(self, run: RunFolder, image_ids: Ids) -> None:
        self._image_ids = image_ids
        shape = len(image_ids), len(ROLES)
        self.rows = self.cols = 0
        self._cells: Bytes = np.zeros((*shape, 0), np.uint8)
        self._scale = np.full(shape, np.nan, np.float32)  # NaN: not stored
        self._class_idx = np.full(shape, -1, np.int32)
        self._against = np.full(shape[0], -1, np.int32)
        shown = pc.field("method") == run.first_method()
        for batch in run.batches("heatmaps", _COLUMNS, shown):
            known = is_among(batch["image_id"].to_numpy(), image_ids)
            if known.any():
                self._take(batch.filter(pa.array(known)))

    def _take(self, batch: pa.RecordBatch) -> None:
        place = np.searchsorted(self._image_ids, batch["image_id"].to_numpy())
        role = pc.index_in(batch["role"], pa.array(ROLES)).to_numpy(zero_copy_only=False)
        cells = batch["heatmap"].flatten().to_numpy(zero_copy_only=False).astype(np.float32)
        maps = cells.reshape(batch.num_rows, -1)
        if not self._cells.shape[2]:
            self.rows, self.cols = batch["rows"][0].as_py(), batch["cols"][0].as_py()
            self._cells = np.zeros((*self._scale.shape, maps.shape[1]), np.uint8)
        sound = pc.equal(batch["state"], "ok").to_numpy(zero_copy_only=False)
        scale = batch["scale"].to_numpy(zero_copy_only=False)
        self._scale[place, role] = np.where(sound, scale, 0)  # 0: no evidence
        self._class_idx[place, role] = batch["class_idx"].to_numpy()
        contrast = role == ROLES.index("contrast")
        self._against[place[contrast]] = batch["against_idx"].to_numpy()[contrast]
        for signed in (True, False):
            chosen = sound & (contrast == signed)
            self._cells[place[chosen], role[chosen]] = quantise(maps[chosen], signed)

    def table(self) -> pa.Table:
        """Of each image for each role its cells, scale and class.

        The cells are null where there is no map to draw; the scale is NaN where none is stored,
        and 0 where it is no evidence. The label's map is left out where it is the predicted one's.
        """
        columns = {"against": smallest_integers(self._against)}
        for number, role in enumerate(ROLES):
            scale = self._scale[:, number].copy()
            if role == "label":
                same = self._class_idx[:, number] == self._class_idx[:, 0]
                scale[same & np.isfinite(scale)] = np.nan
            drawn = np.nan_to_num(scale) > 0
            columns[f"{role}_cells"] = _fixed_size(self._cells[:, number], drawn)
            columns[f"{role}_scale"] = pa.array(scale)
            columns[f"{role}_class"] = smallest_integers(self._class_idx[:, number])
        return pa.table(columns)


def _fixed_size(rows: Bytes, known: npt.NDArray[np.bool_]) -> pa.Array:
    """Each row as bytes; null where it is not known."""
    bits = np.packbits(known, bitorder="little")
    cells = np.where(known[:, None], rows, np.uint8(0))
    buffers = [pa.py_buffer(bits), pa.py_buffer(cells)]
    return pa.Array.from_buffers(pa.binary(rows.shape[1]), len(rows), buffers)


def write_map_files(run: RunFolder, image_ids: Ids, folder: Path) -> tuple[int, int]:
    """Write maps-0.js, maps-1.js, ... of IMAGES_PER_FILE images each into `folder`.

    image_ids : ascending

    Returns: rows and columns of a map; 0 and 0 where none is stored
    """
    store = MapStore(run, image_ids)
    maps = store.table()
    for number, start in enumerate(range(0, len(image_ids), IMAGES_PER_FILE)):
        write_script(folder, f"maps-{number}", maps.slice(start, IMAGES_PER_FILE))
    return store.rows, store.cols
