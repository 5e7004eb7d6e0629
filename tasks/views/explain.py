"""The whole of `camaudit explain`: from a plan to arrays and facts."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from torch import Tensor

from cam_kernels.explainer import Explainer
from cam_kernels.forward import Forward
from cam_kernels.methods.registry import METHODS
from cam_kernels.names import TITLES
from tasks.errors import AuditError
from tasks.views.concept_maps import concept_maps
from tasks.views.explain_plan import ExplainPlan, InputPicture
from tasks.views.explained_classes import (
    first_line,
    heatmap_of,
    make_explainer,
    rank_classes,
    run_forward,
    try_heatmap,
)
from tasks.views.explanation import (
    ClassFact,
    ClassViews,
    ExplainedImage,
    Explanation,
    Heatmap,
    Missing,
)
from tasks.views.kernels import kernels
from tasks.views.pixel_views import pixel_views
from tasks.views.sanity_rows import STEPS, sanity_rows
from tasks.views.unit_maps import unit_maps

OnStep = Callable[[str], None]


@dataclass(frozen=True)
class _Seen:
    """What one image gave before the images are looked at together."""

    image: ExplainedImage
    batch: Tensor
    activations: Tensor
    missing: tuple[Missing, ...]


def count_steps(plan: ExplainPlan) -> int:
    """How often `explain` calls `on_step`, at most."""
    per_class = len(plan.methods) + 1
    per_image = 2 + per_class * (1 + len(plan.classes))
    return len(plan.pictures) * per_image + 1 + STEPS * plan.request.sanity


def explain(plan: ExplainPlan, device: str, on_step: OnStep = lambda _: None) -> Explanation:
    """Every view of every picture, one picture at a time.

    device : 'cpu' or a CUDA device
    on_step : told what comes next

    Raises: AuditError where the model cannot be explained, and for a method that was asked for
    by name and fails.
    """
    plan.loaded.module.to(device)
    explainer = make_explainer(plan, device)
    seen = [_explain_one(plan, explainer, picture, device, on_step) for picture in plan.pictures]
    on_step("Concepts")
    concepts = concept_maps([one.activations for one in seen])
    predicted = [one.image.classes[0].of.class_idx for one in seen]
    sanity, unchecked = sanity_rows(plan, [one.batch for one in seen], predicted, on_step)
    missing = [*plan.left_out, *(each for one in seen for each in one.missing), *unchecked]
    return Explanation(
        images=tuple(
            replace(one.image, concepts=own, sanity=rows)
            for one, own, rows in zip(seen, concepts, sanity, strict=True)
        ),
        kernels=kernels(plan),
        missing=tuple({each.title: each for each in missing}.values()),
        facts=_facts(plan, explainer, device),
    )


def _explain_one(
    plan: ExplainPlan, explainer: Explainer, picture: InputPicture, device: str, on_step: OnStep
) -> _Seen:
    name = PurePosixPath(picture.uri.replace("\\", "/")).name
    batch = plan.batch(picture, device)
    on_step(f"{name}: classes")
    forward = run_forward(plan, explainer, batch)
    ranked = rank_classes(plan, forward.logits[0], picture.uri)
    classes, missing = _views_of_classes(
        plan, forward, batch, ranked.explained, lambda text: on_step(f"{name}: {text}")
    )
    on_step(f"{name}: top classes and feature maps")
    return _Seen(
        ExplainedImage(
            name=name,
            uri=picture.uri,
            view=picture.pixels.permute(1, 2, 0).contiguous().numpy(),
            top=ranked.top,
            top_maps=_top_maps(plan, forward, ranked.top),
            classes=classes,
            concepts=None,
            sanity=(),
            features=unit_maps(plan, batch),
        ),
        batch,
        forward.layers[plan.target_layers[-1]].activations[0].cpu(),
        missing,
    )


def _views_of_classes(
    plan: ExplainPlan,
    forward: Forward,
    batch: Tensor,
    explained: tuple[ClassFact, ...],
    on_step: OnStep,
) -> tuple[tuple[ClassViews, ...], tuple[Missing, ...]]:
    classes, missing = [], []
    for place, of in enumerate(explained):
        maps, failed = _by_every_method(plan, forward, of, on_step)
        on_step("views at the pixels")
        pixels = pixel_views(plan, forward, batch, of, unit=place == 0)
        classes.append(ClassViews(of, maps, pixels.views))
        missing += [*failed, *pixels.missing]
    return tuple(classes), tuple(missing)


def _top_maps(
    plan: ExplainPlan, forward: Forward, top: tuple[ClassFact, ...]
) -> tuple[Heatmap, ...]:
    method = plan.methods[0]
    try:
        return tuple(heatmap_of(plan, forward, method, of.class_idx) for of in top)
    except Exception as error:  # a user's forward may raise anything when it is asked again
        raise AuditError(f"method {method!r} fails: {first_line(error)}") from error


def _by_every_method(
    plan: ExplainPlan, forward: Forward, of: ClassFact, on_step: OnStep
) -> tuple[tuple[Heatmap, ...], tuple[Missing, ...]]:
    found = []
    for method in plan.methods:
        price = METHODS[method].forwards
        on_step(TITLES[method] + (f" ({price})" if price else ""))
        found.append(try_heatmap(plan, forward, method, of.class_idx))
    return (
        tuple(each for each in found if isinstance(each, Heatmap)),
        tuple(each for each in found if isinstance(each, Missing)),
    )


def _facts(plan: ExplainPlan, explainer: Explainer, device: str) -> dict[str, Any]:
    config = plan.request.config
    return {
        "model": config.model,
        "weights": config.weights,
        "classes": len(plan.names),
        "target": config.target,
        "target_layers": list(plan.target_layers),
        "methods": list(plan.methods),
        "preprocessing": asdict(plan.preprocessing),
        "device": device,
        "exact": config.exact,
        "deviation": explainer.deviation,
        "sanity": plan.request.sanity,
    }
