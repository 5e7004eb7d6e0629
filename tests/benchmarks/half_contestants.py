"""What is timed on a GPU: forwards in bfloat16, and our pass as a worker of an audit runs it."""

import sys

import torch

from cam_kernels.explainer import Explainer
from cam_kernels.first_pass import FirstPass
from cam_kernels.targets import class_targets
from tests.benchmarks.contestants import LAYERS, PASS, Act, from_memory, inputs_of, network_of

EAGER_HALF, COMPILED_HALF = "bfloat16 forward", "compiled bfloat16 forward"
CLASSES = {"Grad-CAM++, 1 class": 1, "Grad-CAM++, 5 classes": 5}
OURS = (PASS, *CLASSES)


def on_device(what: str, name: str, batch: int, device: str) -> Act:
    """One thing to time on one batch, which is on the device; done when the device is."""
    if what in (EAGER_HALF, COMPILED_HALF):
        act = _forward(name, batch, device, compiled=what == COMPILED_HALF)
    elif what in OURS:
        act = _ours(what, name, batch, device)
    else:
        act = from_memory(what, name, batch, device)

    def awaited() -> None:
        act()
        if device == "cuda":
            torch.cuda.synchronize()

    return awaited


def _forward(name: str, batch: int, device: str, *, compiled: bool) -> Act:
    """Weights and images in bfloat16 beforehand: nothing is left to cast."""
    last = torch.channels_last
    model = network_of(name).to(device, torch.bfloat16).to(memory_format=last)
    images = inputs_of(batch).to(device, torch.bfloat16).contiguous(memory_format=last)
    run = torch.compile(model, dynamic=False) if compiled else model
    return torch.no_grad()(lambda: run(images))


def _ours(what: str, name: str, batch: int, device: str) -> Act:
    """With the copies of all results to the host."""
    model, images = network_of(name).to(device), inputs_of(batch).to(device)
    half = torch.bfloat16
    if what == PASS:
        first_pass = FirstPass(model, LAYERS[name], ["gradcam++"], images[:2], autocast=half)
        first_pass.compile_trunk(images)
        _tell(what, first_pass.explainer)
        labels = torch.zeros(batch, dtype=torch.int64, device=device)
        return lambda: [value.cpu() for value in vars(first_pass(images, labels)).values()]
    explainer = Explainer(model, LAYERS[name], images[:2], autocast=half)
    explainer.compile_trunk(images)
    _tell(what, explainer)
    class_idx = torch.arange(CLASSES[what], device=device).expand(batch, -1)
    targets = class_targets(class_idx)
    return lambda: explainer.explain(images, ["gradcam++"], targets)["gradcam++"].cpu()


def _tell(what: str, explainer: Explainer) -> None:
    for reason in explainer.fallbacks:
        print(f"{what}: {reason}", file=sys.stderr, flush=True)
