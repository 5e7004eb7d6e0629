"""The model of one worker process, ready to explain batches of images."""

from dataclasses import dataclass
from typing import Any

import cv2
import torch
from torch import Tensor

from cam_kernels.first_pass import FirstPass, FirstPassBatch
from cam_kernels.targets import Scale
from tasks.errors import AuditError
from tasks.explain.memory import BatchLimit
from tasks.images.inputs import InputImage
from tasks.images.preprocessing import Preprocessing
from tasks.model.loading import load_model, model_digest


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
        self.first_pass = FirstPass(
            loaded.module.to(self.device),
            settings.target_layer,
            settings.methods,
            example.to(self.device),
            scale=settings.target,
            unit_layers=settings.unit_layers,
            exact=settings.exact,
        )

    @property
    def batch_size(self) -> int:
        """Images per forward; fewer than asked for where memory ran out."""
        return self.limit.size

    def explain(self, images: list[InputImage]) -> FirstPassBatch:
        """One forward for at most `batch_size` images; tensors on the CPU.

        The batch is filled up to its fixed size, so that every image meets the same kernels
        whatever shard it is in. Where memory runs out, batches are halved from here on.
        """
        parts = self.limit.parts(self._explain, images)
        if len(parts) == 1:
            return parts[0]
        values = [vars(part) for part in parts]
        return FirstPassBatch(**{name: torch.cat([v[name] for v in values]) for name in values[0]})

    def logits(self, views: Tensor) -> Tensor:
        """What the same fast copy of the model says of changed images.

        views : uint8 Tensor, shape (N, 3, crop, crop)

        Returns: (N, classes) float32, on the CPU.
        """
        parts = self.limit.parts(self._logits, views)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _explain(self, images: list[InputImage]) -> FirstPassBatch:
        missing = self.batch_size - len(images)
        labels = torch.tensor([image.label for image in images] + [-1] * missing)
        batch = self._filled(torch.stack([image.pixels for image in images]))
        result = self.first_pass(batch, labels.to(self.device))
        return FirstPassBatch(
            **{name: value[: len(images)].cpu() for name, value in vars(result).items()}
        )

    def _logits(self, views: Tensor) -> Tensor:
        logits = self.first_pass.explainer.logits(self._filled(views))
        return logits[: len(views)].float().cpu()

    def _filled(self, views: Tensor) -> Tensor:
        """The model's input, filled up to the fixed size of a batch with black views."""
        missing = views.new_zeros((self.batch_size - len(views), *views.shape[1:]))
        return self.preprocessing.normalise(torch.cat([views, missing]).to(self.device))
