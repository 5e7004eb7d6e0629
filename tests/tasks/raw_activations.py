"""Activations of an audited model, without any code of the product but the loading."""

import numpy as np
import torch
from PIL import Image

from tasks.model.loading import load_model
from tasks.tables.storage import RunFolder


def raw_activations(run: RunFolder, uri: str) -> np.ndarray:
    """(K, H, W) of the untouched model in float64, by a hook of our own."""
    facts = run.audit()
    net = load_model(facts["config"]["model"], None).module.eval().double()
    pixels = np.asarray(Image.open(uri), dtype=np.float64) / 255
    inputs = (pixels - [0.5, 0.4, 0.3]) / [0.2, 0.2, 0.2]
    kept: list[torch.Tensor] = []
    layer = net.get_submodule(facts["model"]["target_layer"])
    layer.register_forward_hook(lambda _m, _i, output: kept.append(output.clone()))
    with torch.no_grad():
        net(torch.from_numpy(inputs).permute(2, 0, 1)[None])
    return kept[0][0].numpy()
