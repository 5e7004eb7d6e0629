"""Memory that runs out: batches are halved, and the numbers stay."""

import numpy as np
import pytest
import torch

from tasks.explain.memory import BatchLimit, is_out_of_memory
from tasks.tables.table_names import SHARD_TABLES
from tests.tasks.tiny_audit import configure, draw_folders, run_audit, table

LARGEST = 3


def test_what_the_allocators_raise_is_known() -> None:
    with pytest.raises(RuntimeError) as of_torch:
        torch.empty(2**50)
    with pytest.raises(MemoryError) as of_numpy:
        np.empty(2**60, dtype=np.uint8)
    cuda = torch.OutOfMemoryError("CUDA out of memory")
    assert all(map(is_out_of_memory, (of_torch.value, of_numpy.value, cuda)))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_halved_until_it_fits_and_not_grown_again() -> None:
    tried: list[int] = []

    def work(items: list[int]) -> int:
        tried.append(len(items))
        if len(items) > LARGEST:
            raise MemoryError
        return sum(items)

    limit = BatchLimit(10, fixed=False)
    assert sum(limit.parts(work, list(range(10)))) == 45
    assert tried == [10, 5, 3, 3, 3, 1] and limit.size == 3
    limit.start(0)
    assert limit.size == 3
    limit.start(2)
    assert limit.size == 2, "10 halved twice"


@pytest.mark.parametrize(("size", "fixed"), [(1, False), (8, True)])
def test_what_cannot_be_halved_is_raised(size: int, fixed: bool) -> None:
    def work(items: list[int]) -> None:
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        BatchLimit(size, fixed=fixed).parts(work, list(range(8)))


def test_tables_are_those_of_the_smaller_batch(tmp_path, monkeypatch) -> None:
    pics = draw_folders(tmp_path / "pics", 5)
    small = run_audit(configure(tmp_path, pics, batch_size=LARGEST, out=str(tmp_path / "small")))
    config = configure(tmp_path, pics, batch_size=12, out=str(tmp_path / "large"))
    from cam_kernels.first_pass import FirstPass

    call = FirstPass.__call__

    def short_of_memory(self, images, labels):
        return call(self, images, labels) if len(images) <= LARGEST else torch.empty(2**50)

    monkeypatch.setattr(FirstPass, "__call__", short_of_memory)
    large = run_audit(config)
    for name in (*SHARD_TABLES, "units", "verdicts"):
        assert table(small, name).astype(str).equals(table(large, name).astype(str)), name
