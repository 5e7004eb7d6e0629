"""The audited model: from its name or file to a module in eval mode."""

import hashlib
import re
from pathlib import Path

import torch
from torch import nn

from tasks.model.loaded import LoadedModel
from tasks.model.names import SMALL
from tasks.model.sources import load_source
from tasks.model.trained import load_trained


def load_model(spec: str, weights: str | None, *, untrained: bool = False) -> LoadedModel:
    """Load `torchvision:NAME`, `timm:NAME`, `FILE.py:FUNCTION`, an exported program, `small` or a
    folder that `camaudit train` wrote.

    weights : state dict (.pth, .pt, .safetensors), or a name of torchvision's weights; None for
        the source's own
    untrained : random weights will do, so that nothing is downloaded to look at a structure

    Raises: AuditError for an unknown model and for weights that do not fit.
    """
    if spec != SMALL and Path(spec).is_dir():
        loaded = load_trained(spec, weights)
    else:
        loaded = load_source(spec, weights, untrained=untrained)
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
