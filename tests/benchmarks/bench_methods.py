"""Every method that a peer has too, side by side: time, and what autograd keeps.

python -m tests.benchmarks.bench_methods: one interleaved run, medians; status 1 if a target is
missed. Each library is used as its documentation shows; all get the same images and classes.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from tests.benchmarks.interleaved import ratio, time_interleaved, waiting
from tests.benchmarks.machine import machine_line

OURS, GRAD_CAM, CAPTUM = "camaudit", "pytorch-grad-cam", "captum"
# The most that ours may cost of a peer, for one class and for five.
TARGETS = {1: 1.0, 5: 1 / 3}

# our name: pytorch-grad-cam's class, whether captum has it
METHODS = {
    "gradcam": ("GradCAM", True),
    "gradcam++": ("GradCAMPlusPlus", False),
    "xgradcam": ("XGradCAM", False),
    "hirescam": ("HiResCAM", True),
    "layercam": ("LayerCAM", False),
    "elementwise-gradcam": ("GradCAMElementWise", False),
    "eigencam": ("EigenCAM", False),
    "eigen-gradcam": ("EigenGradCAM", False),
    "shapleycam": ("ShapleyCAM", False),
    "finercam": ("FinerCAM", False),
    "fullgrad": ("FullGrad", False),
    "scorecam": ("ScoreCAM", False),
    "ablationcam": ("AblationCAM", False),
}
COSTLY = ("scorecam", "ablationcam")  # a forward per unit: on fewer and smaller images

Explain = Callable[[str, Tensor, int], object]


def explainer_of(library: str, network: str, layer: str) -> Callable[[str, int, int, int], object]:
    """A function of method, images, pixels and classes, to be timed in a process of its own."""
    from torchvision import models

    torch.manual_seed(0)
    model = models.get_model(network, weights=None).eval()
    explain = {OURS: _ours, GRAD_CAM: _grad_cam, CAPTUM: _captum}[library](model, layer)

    def act(method: str, batch: int, side: int, classes: int) -> object:
        images = torch.randn((batch, 3, side, side), generator=torch.Generator().manual_seed(1))
        return explain(method, images, classes)

    return act


def _ours(model: nn.Module, layer: str) -> Explain:
    from cam_kernels.explainer import Explainer
    from cam_kernels.targets import class_targets

    explainer = Explainer(model, layer, torch.randn(2, 3, 224, 224))

    def explain(method: str, images: Tensor, classes: int) -> object:
        targets = class_targets(torch.arange(classes).expand(len(images), classes))
        return explainer.explain(images, [method], targets)

    return explain


def _grad_cam(model: nn.Module, layer: str) -> Explain:
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    def explain(method: str, images: Tensor, classes: int) -> object:
        library = getattr(pytorch_grad_cam, METHODS[method][0])
        # FullGrad prints that it ignores the layer.
        with (
            redirect_stdout(None),
            library(model=model, target_layers=[model.get_submodule(layer)]) as cam,
        ):
            if method == "finercam":  # its targets are made from the index of a class
                return [cam(input_tensor=images, target_idx=c) for c in range(classes)]
            return [
                cam(input_tensor=images, targets=[ClassifierOutputTarget(c)] * len(images))
                for c in range(classes)
            ]

    return explain


def _captum(model: nn.Module, layer: str) -> Explain:
    from captum.attr import LayerGradCam, LayerGradientXActivation

    kinds: dict[str, Any] = {"gradcam": LayerGradCam, "hirescam": LayerGradientXActivation}

    def explain(method: str, images: Tensor, classes: int) -> object:
        attribution = kinds[method](model, model.get_submodule(layer))
        return [attribution.attribute(images, target=c) for c in range(classes)]

    return explain


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--network", default="resnet18")
    parser.add_argument("--layer", default="layer4")
    parser.add_argument("--only", choices=METHODS, help="one method instead of all")
    arguments = parser.parse_args()
    os.environ["TQDM_DISABLE"] = "1"  # pytorch-grad-cam's bars, in the processes to come
    console = Console(width=110)
    console.print(machine_line(arguments.threads))
    table = Table(
        "method", "classes", "library", "ms per image", "ours of it", "saved, MB per image",
        title=f"{arguments.network}, {arguments.layer}, {arguments.rounds} rounds, ratios within "
        "rounds; batch 4 at 224 px, where the method runs the network once per unit 2 at 64 px",
    )  # fmt: skip
    missed = []
    contestants = {
        library: (library, arguments.network, arguments.layer)
        for library in (OURS, GRAD_CAM, CAPTUM)
    }
    with waiting(explainer_of, contestants, arguments.threads) as pipes:
        for method in [arguments.only] if arguments.only else METHODS:
            captum_has_it = METHODS[method][1]
            batch, side = (2, 64) if method in COSTLY else (4, 224)
            asked = {n: p for n, p in pipes.items() if n != CAPTUM or captum_has_it}
            for classes, target in TARGETS.items():
                console.print(f"[dim]{method}, {classes} classes ...[/]", end="\r")
                timed = time_interleaved(asked, (method, batch, side, classes), arguments.rounds)
                for library, timings in timed.items():
                    share = ratio(timed[OURS], timings)
                    table.add_row(
                        method, str(classes), library,
                        f"{1000 * statistics.median(timings.seconds) / batch:.1f}",
                        "" if library == OURS else f"{share:.2f}",
                        f"{timings.saved / batch / 1e6:.1f}",
                    )  # fmt: skip
                    if library != OURS and share > target:
                        missed.append(f"{method}, {classes} classes: {share:.2f} of {library}")
            table.add_section()
    console.print(table)
    console.print("\n".join(missed) or "Every target is met.")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
