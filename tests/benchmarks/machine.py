"""The line that every table of figures begins with."""

import os
import platform
from pathlib import Path

import psutil
import torch


def machine_line(threads: int) -> str:
    """Processor, cores, memory, threads used, versions."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {threads} threads, "
        f"torch {torch.__version__}, Python {platform.python_version()}"
    )
