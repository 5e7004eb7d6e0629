"""What names of models and weights mean. Nothing here needs torch, whose import takes seconds."""

from pathlib import Path

SMALL = "small"  # the network of `load_small`
_SUFFIXES = (".pth", ".pt", ".safetensors", ".bin", ".ckpt")


def is_weights_file(weights: str) -> bool:
    """Whether `weights` means a file rather than the name of published weights."""
    return weights.endswith(_SUFFIXES) or Path(weights).is_file()
