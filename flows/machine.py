"""What this machine has to compute with."""

import os

import torch

from tasks.errors import AuditError

_CORES_PER_WORKER = 4


def resolve_device(wanted: str) -> str:
    """'cuda' or 'cpu' for 'auto'.

    Raises: AuditError where CUDA is asked for and not there.
    """
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise AuditError("device 'cuda' is asked for but torch sees none; use --device cpu")
    return ("cuda" if available else "cpu") if wanted == "auto" else wanted


def count_workers(wanted: int | None, device: str) -> int:
    """Processes to start: as asked, else one per GPU, or per four cores."""
    if wanted is not None:
        return wanted
    if device == "cuda":
        return torch.cuda.device_count()
    return max(1, available_cores() // _CORES_PER_WORKER)


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
