"""Whether a worker computes with the same software as this machine."""

import importlib.metadata

from tasks.errors import AuditError

_DECIDING = ("camaudit", "torch", "torchvision", "opencv-python-headless", "numpy", "pyarrow")


def versions() -> dict[str, str]:
    """Of the packages that numbers depend on; without what says how they were built."""
    installed = {each.name: each.version for each in importlib.metadata.distributions()}
    return {name: installed.get(name, "none").partition("+")[0] for name in _DECIDING}


def refuse_other_software(worker: str, theirs: dict[str, str]) -> None:
    """Raises: AuditError where a worker has other versions than this machine, all of which are
    named."""
    own = versions()
    others = [f"{name} {theirs.get(name)}, here {own[name]}" for name in own
              if theirs.get(name) != own[name]]  # fmt: skip
    if others:
        raise AuditError(
            f"worker {worker} has other software: {'; '.join(others)}. Expected the same versions "
            "on every machine, since the last bits depend on them; install camaudit anew there"
        )
