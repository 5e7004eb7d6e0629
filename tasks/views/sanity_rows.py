"""Sanity checks: the same views of models whose layers forget, one after the other."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from cam_kernels.explainer import Explainer
from cam_kernels.names import TITLES
from cam_kernels.saliency.rank_correlation import rank_correlation
from cam_kernels.saliency.rectified import guided_backprop
from cam_kernels.saliency.sanity import parameter_layers, randomised_models
from tasks.views.explain_plan import ExplainPlan
from tasks.views.explained_classes import first_line, score_of
from tasks.views.explanation import Missing, RandomisedView, SanityRow

STEPS = 6

# From a model to the view of each image, (N, ...) on the CPU.
_Draw = Callable[[nn.Module], Tensor]


def cascade_layers(plan: ExplainPlan, images: Tensor) -> tuple[list[str], list[str]]:
    """All layers with parameters in the order of the forward, and those of them, from the head
    to the input, at which the views are drawn."""
    every = [name for name in parameter_layers(plan.loaded.module, images) if name]
    last = len(every) - 1
    steps = min(STEPS, len(every))
    places = {round(last - step * last / max(1, steps - 1)) for step in range(steps)}
    return every, [every[place] for place in sorted(places, reverse=True)]


def sanity_rows(
    plan: ExplainPlan,
    batches: list[Tensor],
    predicted: list[int],
    on_step: Callable[[str], None],
) -> tuple[list[tuple[SanityRow, ...]], tuple[Missing, ...]]:
    """Per image: the first method's map of its predicted class, and guided backpropagation.

    batches : the model's input of each image, shape (B, 3, crop, crop), the image itself first

    Returns: rows of each image, none where they are not asked for, and the views that could not
    be drawn.
    """
    if not plan.request.sanity:
        return [() for _ in batches], ()
    method = TITLES[plan.methods[0]]
    drawings: dict[str, tuple[_Draw, bool]] = {
        method: (lambda model: _heatmaps(plan, model, batches, predicted), False),
        "Guided backpropagation": (lambda model: _guided(plan, model, batches, predicted), True),
    }
    makers = {title: make for title, (make, _) in drawings.items()}
    found, missing = _draw_cascade(plan, batches[0], makers, on_step)
    rows = {title: views for title, views in found.items() if title not in missing}
    return [
        tuple(_row(title, views, drawings[title][1], image) for title, views in rows.items())
        for image in range(len(batches))
    ], tuple(missing.values())


def _draw_cascade(
    plan: ExplainPlan,
    images: Tensor,
    makers: dict[str, _Draw],
    on_step: Callable[[str], None],
) -> tuple[dict[str, list[tuple[str, Tensor]]], dict[str, Missing]]:
    """By title the views of the trained model ('') and of each step; what failed, by title."""
    found: dict[str, list[tuple[str, Tensor]]] = {title: [] for title in makers}
    missing: dict[str, Missing] = {}

    def draw(layer: str, model: nn.Module) -> None:
        for title, make in makers.items():
            if title not in missing:
                try:
                    found[title].append((layer, make(model)))
                except Exception as error:  # a user's forward may raise anything
                    missing[title] = Missing(f"Sanity check of {title}", first_line(error))

    draw("", plan.loaded.module)
    every, drawn = cascade_layers(plan, images)
    for layer, model in randomised_models(plan.loaded.module, every):
        if layer in drawn:
            on_step(f"Sanity check: {layer}")
            draw(layer, model)
    return found, missing


def _row(title: str, views: list[tuple[str, Tensor]], absolute: bool, image: int) -> SanityRow:
    trained = views[0][1][image : image + 1]
    return SanityRow(
        title,
        tuple(
            RandomisedView(
                layer,
                view[image].numpy(),
                float(rank_correlation(trained, view[image : image + 1], absolute=absolute)),
            )
            for layer, view in views
        ),
        absolute,
    )


def _heatmaps(
    plan: ExplainPlan, model: nn.Module, batches: list[Tensor], predicted: list[int]
) -> Tensor:
    # Exactly: new weights are no reason to fold anew, and some of them overflow when folded.
    explainer = Explainer(model, plan.target_layers, batches[0], exact=True)
    maps = [
        explainer.forward(images).map(plan.methods[0], score_of(plan, images, class_idx))[0].cpu()
        for images, class_idx in zip(batches, predicted, strict=True)
    ]
    return torch.stack(maps).float()


def _guided(
    plan: ExplainPlan, model: nn.Module, batches: list[Tensor], predicted: list[int]
) -> Tensor:
    views = [
        guided_backprop(model, images, score_of(plan, images, class_idx))[0].cpu()
        for images, class_idx in zip(batches, predicted, strict=True)
    ]
    return torch.stack(views).float()
