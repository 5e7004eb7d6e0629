"""The model of one worker process, ready to explain batches of images."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import torch
from torch import Tensor

from cam_kernels.first_pass import FirstPass, FirstPassBatch
from cam_kernels.names import Scale
from tasks.errors import AuditError
from tasks.explain.memory import BatchLimit, is_out_of_memory
from tasks.explain.transfer import Transfer
from tasks.images.inputs import InputImage
from tasks.images.preprocessing import Preprocessing
from tasks.model.loading import load_model, model_digest
from tasks.model.precision import arithmetic


@dataclass(frozen=True)
class AuditorSettings:
    """What a worker must know to build its model; small enough to send to each."""

    model: str
    weights: str | None
    digest: str
    target_layer: str
    unit_layers: tuple[str, ...]
    methods: tuple[str, ...]
    target: Scale
    exact: bool
    num_classes: int
    preprocessing: dict[str, Any]
    batch_size: int
    top_k: int
    device: str
    threads: int


class Auditor:
    """Explains batches on one device. Building it takes seconds, so once per process.

    Raises: AuditError where the model is not the one that was planned with.
    """

    def __init__(self, settings: AuditorSettings) -> None:
        torch.set_num_threads(settings.threads)
        cv2.setNumThreads(settings.threads)
        self.settings = settings
        self.preprocessing = Preprocessing(**settings.preprocessing)
        self.device = torch.device(settings.device)
        loaded = load_model(settings.model, settings.weights)
        if model_digest(loaded.module, loaded.source) != settings.digest:
            raise AuditError(
                f"{settings.model} on this worker differs from the one that the audit was "
                "planned with; expected the same code and weights on every machine. A model that "
                "starts from random weights needs --weights"
            )
        batch_size = loaded.fixed_batch or settings.batch_size
        self.limit = BatchLimit(batch_size, fixed=loaded.fixed_batch is not None)
        crop = self.preprocessing.crop
        generator = torch.Generator().manual_seed(0)
        example = torch.randn((loaded.fixed_batch or 2, 3, crop, crop), generator=generator)
        self._example = example.to(self.device)
        half, self._compiles = accelerated(self.device)
        self.first_pass = FirstPass(
            loaded.module.to(self.device),
            settings.target_layer,
            settings.methods,
            self._example,
            scale=settings.target,
            unit_layers=settings.unit_layers,
            exact=settings.exact,
            autocast=half,
        )
        self._compiles = self._compiles and not settings.exact
        self._compiled_for = 0  # only with the first batch is its size known
        self._transfer = Transfer(self.device)

    @property
    def batch_size(self) -> int:
        """Images per forward; fewer than asked for where memory ran out."""
        return self.limit.size

    @property
    def trunk(self) -> dict[str, Any]:
        """How the network runs: whether its batch norms are folded, in which autocast, whether
        compiled, and a sentence for each of these that was tried in vain."""
        explainer = self.first_pass.explainer
        half = explainer.autocast
        return {
            "folded": explainer.folded,
            "autocast": None if half is None else str(half).removeprefix("torch."),
            "compiled": explainer.compiled,
            "fallbacks": explainer.fallbacks,
        }

    def start(self, images: list[InputImage]) -> Callable[[], FirstPassBatch]:
        """Begin one forward for at most `batch_size` images; a GPU goes on by itself.

        The batch is filled up to its fixed size, so that every image meets the same kernels
        whatever shard it is in. Where memory runs out, batches are halved from here on.

        Returns: what waits for the result, whose tensors are on the CPU.
        """
        begun = self.limit.parts(self._begin, images)

        def result() -> FirstPassBatch:
            try:
                return _joined([finish() for finish in begun])
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            # Memory may run out only when the GPU gets there: again, each batch awaited.
            return _joined(self.limit.parts(lambda some: self._begin(some)(), images))

        return result

    def logits(self, views: Tensor) -> Tensor:
        """What the same fast copy of the model says of changed images.

        views : uint8 Tensor, shape (N, 3, crop, crop)

        Returns: (N, classes) float32, on the CPU.
        """
        parts = self.limit.parts(self._logits, views)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _begin(self, images: list[InputImage]) -> Callable[[], FirstPassBatch]:
        self._compile()
        missing = self.batch_size - len(images)
        labels = torch.tensor([image.label for image in images] + [-1] * missing)
        batch = self._filled([image.pixels for image in images])
        result = self.first_pass(batch, self._transfer.to_device(list(labels)))
        rows = {name: value[: len(images)] for name, value in vars(result).items()}
        copied = self._transfer.to_host(rows)
        return lambda: FirstPassBatch(**copied())

    def _compile(self) -> None:
        """For the size that batches have now."""
        if self._compiles and self._compiled_for != self.batch_size:
            self._compiled_for = self.batch_size
            repeats = -(-self.batch_size // len(self._example))
            batch = self._example.repeat(repeats, 1, 1, 1)[: self.batch_size]
            self.first_pass.compile_trunk(batch)

    def _logits(self, views: Tensor) -> Tensor:
        self._compile()
        logits = self.first_pass.explainer.logits(self._filled(list(views)))
        return logits[: len(views)].float().cpu()

    def _filled(self, views: list[Tensor]) -> Tensor:
        """The model's input, filled up to the fixed size of a batch with black views."""
        black = [torch.zeros_like(views[0])] * (self.batch_size - len(views))
        return self.preprocessing.normalise(self._transfer.to_device([*views, *black]))


def accelerated(device: torch.device) -> tuple[torch.dtype | None, bool]:
    """What speeds up a network on this device: half precision, or None, and whether compiling
    is worth its minute."""
    dtype = arithmetic("auto", device)
    return None if dtype == torch.float32 else dtype, device.type == "cuda"


def _joined(parts: list[FirstPassBatch]) -> FirstPassBatch:
    if len(parts) == 1:
        return parts[0]
    values = [vars(part) for part in parts]
    return FirstPassBatch(**{name: torch.cat([v[name] for v in values]) for name in values[0]})
