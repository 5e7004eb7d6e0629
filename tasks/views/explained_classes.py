"""The classes of one image: probabilities, and maps by every method."""

from dataclasses import dataclass

import torch
from torch import Tensor

from cam_kernels.explainer import Explainer
from cam_kernels.forward import Forward
from cam_kernels.names import TITLES
from cam_kernels.targets import ClassScore
from tasks.errors import AuditError
from tasks.views.explain_plan import ExplainPlan
from tasks.views.explanation import ClassFact, Heatmap, Missing, Values


@dataclass(frozen=True)
class RankedClasses:
    """top : the most probable classes, then those asked for that are not among them
    explained : the predicted class, then those asked for
    """

    top: tuple[ClassFact, ...]
    explained: tuple[ClassFact, ...]


def make_explainer(plan: ExplainPlan, device: str) -> Explainer:
    """The audit's own explainer, so that page and audit show the same maps; those of an audit on
    a GPU but for the rounding of bfloat16.

    Raises: AuditError for a layer that cannot be explained.
    """
    try:
        return Explainer(
            plan.loaded.module,
            plan.target_layers,
            plan.batch(plan.pictures[0], device),
            exact=plan.request.config.exact,
        )
    except ValueError as error:
        raise AuditError(f"{plan.request.config.model}: {error}") from error


def run_forward(plan: ExplainPlan, explainer: Explainer, images: Tensor) -> Forward:
    """One forward.

    Raises: AuditError for a target layer that runs more than once.
    """
    try:
        return explainer.forward(images)
    except ValueError as error:
        raise AuditError(f"{plan.request.config.model}: {error}") from error


def rank_classes(plan: ExplainPlan, logits: Tensor, uri: str) -> RankedClasses:
    """Probabilities of one image's logits, shape (classes,).

    Raises: AuditError for logits that are not finite.
    """
    values = logits.double().cpu()
    if not bool(values.isfinite().all()):
        raise AuditError(
            f"{plan.request.config.model} gives logits that are NaN or infinite for image {uri}; "
            "expected finite ones. Check the weights and the preprocessing"
        )
    several = plan.request.config.target == "sigmoid"  # classes that do not exclude each other
    probabilities = (values.sigmoid() if several else values.softmax(dim=0)).tolist()
    order = values.argsort(descending=True, stable=True).tolist()
    rank = {class_idx: place for place, class_idx in enumerate(order, start=1)}

    def fact(class_idx: int) -> ClassFact:
        logit, probability = float(values[class_idx]), probabilities[class_idx]
        return ClassFact(class_idx, plan.names[class_idx], logit, probability, rank[class_idx])

    top = order[: plan.request.config.top_k]
    return RankedClasses(
        top=tuple(fact(c) for c in dict.fromkeys([*top, *plan.classes])),
        explained=tuple(fact(c) for c in dict.fromkeys([*order[:1], *plan.classes])),
    )


def score_of(plan: ExplainPlan, images: Tensor, class_idx: int) -> ClassScore:
    """The score that is explained: the class's logit, probability or sigmoid."""
    every = torch.full((len(images),), class_idx, device=images.device)
    return ClassScore(every, plan.request.config.target)


def heatmap_of(plan: ExplainPlan, forward: Forward, method: str, class_idx: int) -> Heatmap:
    """The raw map of one class for the first image of the forward.

    Raises: whatever the method raises.
    """
    score = score_of(plan, forward.images, class_idx)
    values: Values = forward.map(method, score)[0].float().cpu().numpy()
    return Heatmap(method, TITLES[method], values)


def try_heatmap(
    plan: ExplainPlan, forward: Forward, method: str, class_idx: int
) -> Heatmap | Missing:
    """The map, or why there is none.

    Raises: AuditError where the user asked for this very method.
    """
    try:
        return heatmap_of(plan, forward, method, class_idx)
    except Exception as error:  # a user's forward may raise anything when it is asked again
        if plan.methods_asked_for:
            raise AuditError(f"method {method!r} fails: {first_line(error)}") from error
        return Missing(TITLES[method], first_line(error))


def first_line(error: Exception) -> str:
    """The error in a sentence."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
