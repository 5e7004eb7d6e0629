"""The audited model: from its name or file to a module in eval mode."""

import hashlib
import re

import torch
from torch import nn

from tasks.errors import AuditError
from tasks.model.loaded import LoadedModel
from tasks.model.own import load_exported, load_python_file
from tasks.model.published import load_timm, load_torchvision


def load_model(spec: str, weights: str | None, *, untrained: bool = False) -> LoadedModel:
    """Load `torchvision:NAME`, `timm:NAME`, `FILE.py:FUNCTION` or an exported program.

    weights : state dict (.pth, .pt, .safetensors), or a name of torchvision's weights; None for
        the source's own
    untrained : random weights will do, so that nothing is downloaded to look at a structure

    Raises: AuditError for an unknown model and for weights that do not fit.
    """
    source, _, name = spec.partition(":")
    if source == "torchvision":
        loaded = load_torchvision(name, weights, untrained)
    elif source == "timm":
        loaded = load_timm(name, weights, untrained)
    elif ".py:" in spec:
        loaded = load_python_file(spec, weights)
    elif spec.endswith(".pt2"):
        loaded = load_exported(spec, weights)
    else:
        raise AuditError(
            f"model {spec!r} is of no known kind; expected torchvision:NAME, timm:NAME, "
            "path/to/model.py:FUNCTION or path/to/program.pt2"
        )
    if loaded.fixed_batch is None:  # an exported program is in the mode it was exported in
        loaded.module.eval()
    return loaded


def model_digest(module: nn.Module, source: str = "") -> str:
    """Fingerprint of the architecture's text, of its code and of every parameter and buffer."""
    text = re.sub(r" at 0x[0-9a-f]+", "", repr(module))  # addresses differ between processes
    digest = hashlib.blake2b((text + source).encode(), digest_size=16)
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        values = tensor.detach().cpu().contiguous()
        digest.update(values.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
