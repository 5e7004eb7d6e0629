"""Which type of number a device computes in by itself."""

import pytest
import torch

from tasks.model.precision import arithmetic


@pytest.mark.parametrize(
    ("capability", "expected"), [((7, 5), torch.float32), ((8, 0), torch.bfloat16)]
)
def test_bfloat16_where_the_gpu_has_it(
    capability: tuple[int, int], expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older GPUs can emulate it, slower than float32."""
    properties = type("Properties", (), {"major": capability[0], "minor": capability[1]})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _device: properties)
    monkeypatch.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda _device: True)
    assert arithmetic("auto", torch.device("cuda")) == expected


def test_a_cpu_stays_in_float32() -> None:
    assert arithmetic("auto", torch.device("cpu")) == torch.float32
