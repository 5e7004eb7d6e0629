"""What a method may ask about one layer, after one forward of a batch."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from cam_kernels.head import PooledLinearHead
from cam_kernels.methods.extra_forwards import ActivationScore, ImageScore
from cam_kernels.methods.shapley import hessian_vector_product
from cam_kernels.targets import ClassScore, Target, scores_of


@dataclass(frozen=True)
class LayerOfNetwork:
    """A target layer, and the network around it, to be asked again.

    head : what follows the layer, where it is global pooling and one linear layer; else None
    closed_form : whether gradients of such a head are taken from its weights
    run : the network as it was run, from images to its output
    untouched : the model with its own layers, none folded into another
    evidence_of : the evidence at this layer for other images
    run_from : given images, a function from activations (B, K, H, W) at this layer, and from
        which image each row is a variant of, to the model's output
    """

    name: str
    head: PooledLinearHead | None
    closed_form: bool
    run: Callable[[Tensor], Any]
    untouched: nn.Module
    evidence_of: Callable[[Tensor], "LayerEvidence"]
    run_from: Callable[[Tensor], Callable[[Tensor, Tensor], Any]]


class LayerEvidence:
    """Activations of a layer and all that can be derived from them for a target.

    images : Tensor, shape (N, C, h, w), as the model took them
    activations : Tensor, shape (N, K, H, W), float32, without a graph
    layer : where they were taken
    """

    def __init__(self, layer: LayerOfNetwork, images: Tensor, kept: Tensor, output: Any) -> None:
        self.layer, self.images = layer, images
        self.activations = kept.detach().float()
        self._kept, self._output = kept, output
        self._known: dict[Target, Tensor] = {}
        self._answers: dict[str, list[Any]] = {}

    def gradients(self, target: Target) -> Tensor:
        """dS/dA of each image's score: (N, K, H, W), or (N, K, 1, 1) where it is the same
        everywhere. Computed once per target.

        Raises: ValueError for a target that gives another number of scores than images, or
        that does not depend on the layer.
        """
        if target not in self._known:
            self._known[target] = self._gradients(target)
        return self._known[target]

    def _gradients(self, target: Target) -> Tensor:
        head = self.layer.head
        if isinstance(target, ClassScore) and head and self.is_closed_form(target):
            target.check(self._output)
            return head.gradients(target.class_idx, self.activations.shape[2:].numel())
        scores = self.scores(target)
        ones = torch.ones_like(scores)
        return torch.autograd.grad(scores, self._kept, ones, retain_graph=True)[0].float()

    def is_closed_form(self, target: Target) -> bool:
        """Whether the gradients of this target's scores are taken from the head's weights."""
        is_logit = isinstance(target, ClassScore) and target.scale == "logit"
        averages = self.layer.head is not None and self.layer.head.pooling == "mean"
        return is_logit and averages and self.layer.closed_form

    def scores(self, target: Target) -> Tensor:
        """(N,) with the graph from this layer on."""
        with torch.inference_mode(False), torch.enable_grad():
            scores = scores_of(target, self._output, len(self.images))
        if not scores.requires_grad:
            raise ValueError(
                f"the target does not depend on layer {self.layer.name!r} through a gradient; "
                "choose an earlier layer, or a target that can be differentiated"
            )
        return scores

    def curvature(self, target: Target) -> Tensor:
        """(N, K, H, W): the Hessian of each image's score times the activations.

        Fused attention has no second derivative: where it stands in the way, the network is run
        once more with attention written out.
        """
        try:
            return self._curvature(target)
        except RuntimeError as error:
            if "is not implemented" not in str(error):
                raise
        return self._with_attention_written_out._curvature(target)

    def _curvature(self, target: Target) -> Tensor:
        with torch.inference_mode(False), torch.enable_grad():
            return hessian_vector_product(self.scores(target), self._kept)[1].float()

    @cached_property
    def _with_attention_written_out(self) -> "LayerEvidence":
        with sdpa_kernel(SDPBackend.MATH):
            return self.layer.evidence_of(self.images)

    def image_score(self, target: Target, method: str) -> ImageScore:
        """Scores of the variants of the images that a method asks for: one forward of the
        network per variant. The variants are the same for every target, so the network is run
        for the first target only."""
        variants = _variants(target, len(self.images))
        outputs = self._repeated(method, self.layer.run)

        def score(images: Tensor, of: Tensor) -> Tensor:
            with torch.no_grad():
                return scores_of(variants(of), outputs(images), len(of)).float()

        return score

    def activation_score(self, target: Target, method: str) -> ActivationScore:
        """Scores with other activations at this layer: only what follows the layer is run, or
        the whole network where it cannot be run apart; for the first target only."""
        variants = _variants(target, len(self.images))
        outputs = self._repeated(method, self._from_here)

        def score(activations: Tensor, of: Tensor) -> Tensor:
            with torch.no_grad():
                return scores_of(variants(of), outputs(activations, of), len(of)).float()

        return score

    @cached_property
    def _from_here(self) -> Callable[[Tensor, Tensor], Any]:
        return self.layer.run_from(self.images)

    def gradients_of(
        self, target: Target, method: str
    ) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        """Activations and gradients for other images in the place of these: one forward for
        each, for the first target only, and a backward of the head per target."""
        evidence_of = self._repeated(method, self.layer.evidence_of)

        def both(images: Tensor) -> tuple[Tensor, Tensor]:
            evidence = evidence_of(images)
            return evidence.activations, evidence.gradients(target)

        return both

    def _repeated(self, method: str, run: Callable[..., Any]) -> Callable[..., Any]:
        """`run`, whose results are kept in their order: a method that asks the same questions
        for the next target gets the same answers."""
        answers, place = self._answers.setdefault(method, []), count()

        def answer(*question: Tensor) -> Any:
            number = next(place)
            if number == len(answers):
                answers.append(run(*question))
            return answers[number]

        return answer


def _variants(target: Target, images: int) -> Callable[[Tensor], Target]:
    """The target for variants of the images, given which image each is one of."""
    if isinstance(target, ClassScore):
        return target.of_variants
    if images > 1:
        raise ValueError(
            f"a target that is a function scores the images in their order, so it cannot score "
            f"variants of {images} images at once; explain one image at a time by this method"
        )
    return lambda of: target
