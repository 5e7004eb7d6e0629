"""The run folder: where its tables are."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from tasks.errors import AuditError
from tasks.tables.table_names import SHARD_TABLES
from tasks.tables.whole_files import is_whole
from tasks.urls import refuse_url

_ROWS_AT_ONCE = 2**14


class RunFolder:
    """Paths of one audit.

    RUN/audit.json              configuration and what was found out about the model
    RUN/tables/<name>/*.parquet shard-00012.parquet, or merged.parquet
    RUN/partials/peaks/         how strongly each image excites each unit, before the merge
    RUN/partials/localization/  pixels on and off objects by their score, before the merge
    RUN/partials/tests/         what the second pass is to do
    RUN/partials/images/        the images that it shows, tested and lending
    RUN/records/shards/shard-00012.json names, sizes and checksums: the shard is done
    RUN/records/tests/           the same for the second pass
    RUN/second_pass.json         what the second pass did
    RUN/first_pass.json         when and how fast the last shards were computed
    RUN/taken.json               how much was taken from an earlier run; only where there is one
    RUN/report/index.html
    RUN/complete.json           the last file of a finished audit
    RUN/faithfulness.json, RUN/objects.json, RUN/shown.json  the tables that were added are whole
    """

    def __init__(self, root: Path | str) -> None:
        refuse_url(str(root))
        self.root = Path(root)

    @property
    def audit_file(self) -> Path:
        return self.root / "audit.json"

    @property
    def first_pass_file(self) -> Path:
        return self.root / "first_pass.json"

    @property
    def complete_file(self) -> Path:
        return self.root / "complete.json"

    @property
    def second_pass_file(self) -> Path:
        return self.root / "second_pass.json"

    @property
    def taken_file(self) -> Path:
        return self.root / "taken.json"

    @property
    def lock_file(self) -> Path:
        """Held by the process that writes the run."""
        return self.root / ".lock"

    @property
    def report_file(self) -> Path:
        return self.root / "report" / "index.html"

    def added_file(self, kind: str) -> Path:
        """kind : of ADDED_TABLES"""
        return self.root / f"{kind}.json"

    def table_file(self, name: str, shard: int | None = None) -> Path:
        """File of one shard, or of the merged table."""
        return self.root / "tables" / name / f"{_stem(shard)}.parquet"

    def partial_file(self, name: str, shard: int) -> Path:
        return self.root / "partials" / name / f"{_stem(shard)}.parquet"

    def record_file(self, stage: str, shard: int) -> Path:
        return self.root / "records" / stage / f"{_stem(shard)}.json"

    def remove_shards_from(self, first: int) -> None:
        """Remove what an earlier audit of more images left: shards `first` and above."""
        partials = ["partials/peaks", "partials/localization"]
        self._remove_from(first, ["records/shards", *partials])
        self._remove_from(first, [f"tables/{name}" for name in SHARD_TABLES])

    def remove_tests_from(self, first: int) -> None:
        """Remove what a larger second pass left: its shards `first` and above."""
        self._remove_from(
            first, ["records/tests", "partials/tests", "partials/images", "tables/evidence"]
        )

    def _remove_from(self, first: int, folders: list[str]) -> None:
        for file in [file for folder in folders for file in (self.root / folder).glob("shard-*")]:
            if shard_of(file) >= first:
                file.unlink()

    def audit(self) -> dict[str, Any]:
        """The content of audit.json.

        Raises: AuditError where there is none.
        """
        try:
            content: dict[str, Any] = json.loads(self.audit_file.read_text())
            if not isinstance(content, dict):
                raise ValueError(f"expected an object, got {type(content).__name__}")
        except (OSError, ValueError) as error:
            raise AuditError(
                f"{self.root} is not the folder of an audit: {self.audit_file.name} cannot be "
                f"read ({error}). Expected a folder that 'camaudit run --out' wrote."
            ) from error
        return content

    def first_method(self) -> str:
        """The method whose heatmaps the statistics and the report show."""
        config = self.audit().get("config") or {}
        return str(config.get("method", "gradcam++")).split(",")[0].strip()

    def is_written(self, name: str) -> bool:
        """Whether the audit has a table, or a shard of it."""
        return any((self.root / "tables" / name).glob("*.parquet"))

    def dataset(self, name: str, words: Sequence[str] = ()) -> ds.Dataset:
        """A table as a lazy Arrow dataset, its shards in order.

        words : columns of few different texts, which are read as dictionaries

        Raises: AuditError where the table was not written (the audit is not finished), and where a
        file of it is damaged.
        """
        return _dataset(self._whole_files(name), words)

    def filled(self, name: str) -> ds.Dataset:
        """As `dataset`, without the shards that hold no row: of most tables of failures nearly
        all, and seeing that takes a sixth of the time of reading them."""
        files = self._whole_files(name)
        return _dataset([f for f in files if pq.read_metadata(f).num_rows] or files[:1], ())

    def batches(
        self,
        name: str,
        columns: list[str],
        chosen: pc.Expression | None = None,
        rows: int = _ROWS_AT_ONCE,
    ) -> Iterator[pa.RecordBatch]:
        """Some columns of a table, shard by shard, a few rows at a time.

        A dataset of many files keeps the footers of all that it has read, 57 bytes for each row of
        a shard of 1,000 of `heatmaps`. Here one file is open at a time.

        chosen : what holds for the rows that are wanted
        rows : of a batch at most; two are read ahead, where Arrow would read 16 of 131,072

        Raises: AuditError, as `dataset`.
        """
        for file in self._whole_files(name):
            stored = ds.dataset(str(file), format="parquet")
            yield from stored.to_batches(
                columns=columns, filter=chosen, batch_size=rows, batch_readahead=2
            )

    def _whole_files(self, name: str) -> list[Path]:
        folder = self.root / "tables" / name
        files = sorted(folder.glob("*.parquet"))
        if not files:
            raise AuditError(
                f"table {name!r} is missing in {self.root}: the audit has not finished. Run the "
                "same 'camaudit run' command again; it goes on where it stopped."
            )
        if damaged := [file for file in files if not is_whole(file)]:
            raise AuditError(
                f"{damaged[0]} is damaged: expected a whole Parquet file, got one that was cut or "
                "overwritten. Run the same 'camaudit run' command again; it writes the file anew"
            )
        return files


def _dataset(files: list[Path], words: Sequence[str]) -> ds.Dataset:
    stored = ds.ParquetFileFormat(dictionary_columns=words)
    return ds.dataset([str(file) for file in files], format=stored)


def shard_of(file: Path) -> int:
    """The shard that a file is of."""
    return int(file.stem.removeprefix("shard-"))


def _stem(shard: int | None) -> str:
    return "merged" if shard is None else f"shard-{shard:05d}"
