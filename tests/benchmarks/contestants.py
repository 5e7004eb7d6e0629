"""What is timed against each other: our pass, plain forwards, and the peers as their documentation
shows them. Each is made in a process of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Act = Callable[[], object]

LAYERS = {
    "resnet18": "layer4", "resnet50": "layer4", "mobilenet_v2": "features",
    "vit_b_16": "encoder.layers.encoder_layer_11.ln_1",
}  # fmt: skip
SIDE, RESIZE = 224, 256
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

FORWARD, FOLDED = "plain forward", "folded, channels-last forward"
FOLDED_KEPT = "the same, its freed memory kept"
PASS, FIVE = "first pass, 2 classes, units", "Grad-CAM++, 5 classes"
GRAD_CAM, GRAD_CAM_FIVE = "pytorch-grad-cam", "pytorch-grad-cam, 5 classes"
TORCH_CAM, CAPTUM = "torch-cam", "captum (Grad-CAM)"
DECODE, AUDIT = "decoding", "camaudit, with units and tables"


def network_of(name: str) -> nn.Module:
    """Untrained, the same for all."""
    from torchvision import models

    torch.manual_seed(0)
    network: nn.Module = models.get_model(name, weights=None)
    return network.eval()


def inputs_of(batch: int) -> Tensor:
    """Noise, the same for all."""
    return torch.randn((batch, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(1))


def from_memory(what: str, name: str, batch: int, device: str = "cpu") -> Act:
    """One thing to time on one batch of inputs; on a GPU, peers alone."""
    model = network_of(name).to(device)
    images = inputs_of(batch).to(device)
    layer = LAYERS[name]
    if what in (FORWARD, FOLDED, FOLDED_KEPT):
        return _forward(model, images, folded=what != FORWARD)
    if what == PASS:
        from cam_kernels.first_pass import FirstPass

        first_pass = FirstPass(model, layer, ["gradcam++"], images[:2])
        labels = torch.zeros(batch, dtype=torch.int64)
        return lambda: first_pass(images, labels)
    if what == FIVE:
        return our_classes(name, batch, 5)
    if what == GRAD_CAM_FIVE:
        return peer_classes(name, batch, 5)
    explain = PEERS[what](model, layer)
    return lambda: explain(images, 0)


def our_classes(name: str, batch: int, classes: int) -> Act:
    """Grad-CAM++ of so many classes of each image, on one batch."""
    from cam_kernels.explainer import Explainer
    from cam_kernels.targets import class_targets

    images = inputs_of(batch)
    explainer = Explainer(network_of(name), LAYERS[name], images[:2])
    targets = class_targets(torch.arange(classes).expand(batch, classes))
    return lambda: explainer.explain(images, ["gradcam++"], targets)


def peer_classes(name: str, batch: int, classes: int) -> Act:
    """The same by pytorch-grad-cam."""
    images, explain = inputs_of(batch), _grad_cam(network_of(name), LAYERS[name])
    return lambda: [explain(images, target) for target in range(classes)]


def _forward(model: nn.Module, images: Tensor, *, folded: bool) -> Act:
    if folded:
        from torch.fx.experimental.optimization import fuse

        model = fuse(model).to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    return torch.no_grad()(lambda: model(images))


def _grad_cam(model: nn.Module, layer: str) -> Callable[[Tensor, int], Any]:
    from pytorch_grad_cam import GradCAMPlusPlus
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    def grid(tokens: Tensor) -> Tensor:  # as its page on vision transformers has it
        side = int((tokens.shape[1] - 1) ** 0.5)
        return tokens[:, 1:].reshape(len(tokens), side, side, -1).permute(0, 3, 1, 2)

    given = {"reshape_transform": grid} if layer.startswith("encoder") else {}

    def explain(images: Tensor, target: int) -> Any:
        layers = [model.get_submodule(layer)]
        with GradCAMPlusPlus(model=model, target_layers=layers, **given) as cam:
            return cam(input_tensor=images, targets=[ClassifierOutputTarget(target)] * len(images))

    return explain


def _torch_cam(model: nn.Module, layer: str) -> Callable[[Tensor, int], Any]:
    from torchcam.methods import GradCAMpp

    def explain(images: Tensor, target: int) -> Any:
        with GradCAMpp(model, target_layer=layer) as extractor:
            return extractor(target, model(images))[0].cpu().numpy()

    return explain


def _captum(model: nn.Module, layer: str) -> Callable[[Tensor, int], Any]:
    from captum.attr import LayerAttribution, LayerGradCam

    attribution = LayerGradCam(model, model.get_submodule(layer))

    def explain(images: Tensor, target: int) -> Any:
        maps = attribution.attribute(images, target=target, relu_attributions=True)
        enlarged = LayerAttribution.interpolate(maps, (SIDE, SIDE), "bilinear")
        return enlarged.detach().cpu().numpy()

    return explain


PEERS = {GRAD_CAM: _grad_cam, TORCH_CAM: _torch_cam, CAPTUM: _captum}


def from_files(what: str, name: str, batch: int, folder: str, threads: int) -> Act:
    """One thing to time on the JPEG files in `folder`/images, its output written to disk."""
    files = sorted((Path(folder) / "images").rglob("*.jpg"))
    if what in (DECODE, AUDIT):
        return _audit(what, name, batch, Path(folder), threads)
    if what == FORWARD:
        model, batches = network_of(name), list(_inputs(files, batch))
        return torch.no_grad()(lambda: [model(images) for images in batches])
    explain = PEERS[what](network_of(name), LAYERS[name])
    out = Path(folder) / what.replace(" ", "_")
    out.mkdir(exist_ok=True)

    def act() -> None:
        for number, images in enumerate(_inputs(files, batch)):
            for place, each in enumerate(explain(images, 0)):
                np.save(out / f"{number * batch + place}.npy", each)

    return act


def _inputs(files: list[Path], batch: int) -> Iterator[Tensor]:
    """As the examples of the peers prepare a picture; by batches, which is in their favour."""
    from PIL import Image
    from torchvision.transforms import v2

    prepare = v2.Compose(
        [
            v2.Resize(RESIZE), v2.CenterCrop(SIDE), v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )  # fmt: skip
    for start in range(0, len(files), batch):
        yield torch.stack(
            [prepare(Image.open(file).convert("RGB")) for file in files[start : start + batch]]
        )


def write_network(folder: Path, name: str) -> str:
    """How `--model` names `network_of`."""
    code = folder / f"{name}.py"
    code.write_text(
        f"from tests.benchmarks.contestants import network_of\ndef build():\n"
        f"    return network_of({name!r})\n"
    )
    return f"{code}:build"


def _audit(what: str, name: str, batch: int, folder: Path, threads: int) -> Act:
    from tasks.config import AuditConfig
    from tasks.explain.shard import explain_shard
    from tasks.images.inputs import InputReader, read_batches
    from tasks.index.plan import plan_audit, write_plan
    from tests.tasks.tiny_audit import auditor_of

    config = AuditConfig.model_validate(
        {"images": str(folder / "images"), "model": write_network(folder, name),
         "batch_size": batch,
         "out": str(folder / f"run-{what.split(',')[0]}"), "device": "cpu", "resize": RESIZE,
         "crop": SIDE, "mean": MEAN, "std": STD, "shard_size": 100_000,
         "target_layer": LAYERS[name]}
    )  # fmt: skip
    plan = plan_audit(config)
    write_plan(plan)
    auditor = auditor_of(plan, threads)
    if what == AUDIT:
        return lambda: explain_shard(auditor, config.out, plan.shards[0])
    rows = plan.run.dataset("manifest").to_table().to_pylist()
    reader = InputReader(auditor.preprocessing, auditor.settings.num_classes)
    return lambda: [None for _ in read_batches(reader, rows, batch, threads)]
