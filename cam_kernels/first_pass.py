"""One forward per image: logits, maps of the classes that matter, and unit maxima."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cam_kernels.fast_copy import fast_copy
from cam_kernels.head import GapLinearHead, find_gap_linear_head
from cam_kernels.methods.registry import METHODS
from cam_kernels.methods.weighted_sum import contrast_map, heatmap
from cam_kernels.target_layer import output_hook


@dataclass(frozen=True)
class FirstPassBatch:
    """What one forward tells of N images.

    `against` is the class that the prediction is held against: the label where the prediction
    is wrong, otherwise (right, or no label) the runner-up.

    logits : (N, classes) float32
    predicted, against : (N,) int64
    predicted_map, against_map : (N, H, W) float32, >= 0, raw maps of these two classes
    contrast : (N, H, W) float32, signed, predicted minus against
    pooled : (N, K) float32, mean activation of each unit
    unit_max : (N, K) float32; unit_position : (N, K) int64, row * W + col of the maximum
    """

    logits: Tensor
    predicted: Tensor
    against: Tensor
    predicted_map: Tensor
    against_map: Tensor
    contrast: Tensor
    pooled: Tensor
    unit_max: Tensor
    unit_position: Tensor


class FirstPass:
    """A frozen copy of a model that explains as it classifies.

    The trunk builds no graph: the target layer's output is cloned, detached and made a leaf,
    and only what follows it is differentiated, once per class asked for. The clone also keeps
    an in-place successor (a ReLU, say) from changing the activations under the gradients.
    Behind a GAP + linear head nothing is differentiated at all.

    model : nn.Module that returns logits of shape (N, classes)
    target_layer : name of a layer with output (N, K, H, W)
    method : a key of `METHODS`
    images : Tensor, shape (N, C, H, W), float32: an example, as the model takes them
    exact : leave the model's arithmetic untouched (no folding, no channels-last, no closed form)

    Attributes: `head` (None where gradients are computed), `folded` (False where the forward
    cannot be traced), `deviation` (largest difference of a logit from the untouched model's on
    the example, relative to the largest logit).

    Raises: ValueError for `cam` without a GAP + linear head.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layer: str,
        method: str,
        images: Tensor,
        *,
        exact: bool = False,
        tolerance: float = 1e-3,
    ) -> None:
        fast = fast_copy(model, target_layer, images, exact=exact, tolerance=tolerance)
        self.model, self.folded, self.deviation = fast.model, fast.folded, fast.deviation
        self._channels_last = fast.channels_last
        self.target_layer = target_layer
        self.method = method
        head = find_gap_linear_head(self.model, target_layer, images)
        if method == "cam" and head is None:
            raise ValueError(
                f"method 'cam' needs global average pooling and one linear layer after "
                f"{target_layer!r}, which this model has not; use 'gradcam++' or 'gradcam'"
            )
        self.head: GapLinearHead | None = None if exact else head

    def __call__(self, images: Tensor, labels: Tensor) -> FirstPassBatch:
        """Explain one batch with one forward.

        images : Tensor, shape (N, C, H, W), float32, as the model takes them
        labels : Tensor, shape (N,), int64, -1 where unknown

        Raises: ValueError where the two differ in length.
        """
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images but {len(labels)} labels; expected as many")
        if self._channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        # The caller may be in no_grad or inference_mode; the head is differentiated all the same.
        with torch.inference_mode(False), torch.set_grad_enabled(self.head is None):
            activations, logits = self._forward(images)
            predicted, against = compared_classes(logits.detach(), labels)
            predicted_gradient = self._gradients(logits, predicted, activations, keep=True)
            against_gradient = self._gradients(logits, against, activations, keep=False)
        with torch.no_grad():
            return self._explained(
                activations.detach(), logits.detach(), predicted, against,
                predicted_gradient, against_gradient,
            )  # fmt: skip

    def _forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Activations of the target layer, a leaf where the head is differentiated; logits."""
        seen: list[Tensor] = []

        # What follows may work in place, on what it gets or, through another name, on the output.
        def keep_copy(output: Tensor) -> None:
            seen.append(output.clone())

        def cut_graph(output: Tensor) -> Tensor:
            seen.append(output.detach().clone().requires_grad_())
            return seen[-1].clone()

        act = cut_graph if self.head is None else keep_copy
        with output_hook(self.model, self.target_layer, act):
            logits = self.model(images)
        if len(seen) != 1:
            raise ValueError(
                f"layer {self.target_layer!r} ran {len(seen)} times in one forward; expected "
                "once. Choose a layer that is not shared"
            )
        return seen[0], logits

    def _gradients(
        self, logits: Tensor, class_idx: Tensor, activations: Tensor, *, keep: bool
    ) -> Tensor:
        if self.head is not None:
            return self.head.gradients(class_idx, activations.shape[2:].numel())
        score = logits.gather(1, class_idx[:, None]).sum()
        return torch.autograd.grad(score, activations, retain_graph=keep)[0]

    def _explained(
        self,
        activations: Tensor,
        logits: Tensor,
        predicted: Tensor,
        against: Tensor,
        predicted_gradient: Tensor,
        against_gradient: Tensor,
    ) -> FirstPassBatch:
        weights = METHODS[self.method]
        unit_max, unit_position = activations.flatten(2).max(dim=2)
        return FirstPassBatch(
            logits=logits.float(),
            predicted=predicted,
            against=against,
            predicted_map=heatmap(activations, weights(activations, predicted_gradient)),
            against_map=heatmap(activations, weights(activations, against_gradient)),
            contrast=contrast_map(activations, predicted_gradient - against_gradient),
            pooled=activations.mean(dim=(2, 3)),
            unit_max=unit_max,
            unit_position=unit_position,
        )


def compared_classes(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The predicted class and the one that it is held against.

    logits : Tensor, shape (N, classes), at least two classes
    labels : Tensor, shape (N,), int64, -1 where unknown

    Returns: two Tensors of shape (N,), int64: the class of the largest logit (the lowest index
    of equals); and the label where it differs, otherwise the class of the next largest logit.
    """
    predicted = logits.argmax(dim=1)
    others = logits.scatter(1, predicted[:, None], float("-inf"))
    mistaken = (labels >= 0) & (labels != predicted)
    return predicted, torch.where(mistaken, labels, others.argmax(dim=1))
