"""Views at the pixels: gradients, and gradients with changed rules."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from cam_kernels.forward import Forward
from cam_kernels.layers.target_layer import layer_layout
from cam_kernels.saliency.gradients import smoothgrad, vanilla_gradient
from cam_kernels.saliency.rectified import deconvnet, guided_backprop, guided_gradcam
from cam_kernels.saliency.unit_score import unit_score
from tasks.views.explain_plan import ExplainPlan
from tasks.views.explained_classes import first_line, score_of
from tasks.views.explanation import ClassFact, Missing, PixelView
from tasks.views.unit_maps import strongest_first

VIEWS = (
    "Vanilla gradient", "SmoothGrad", "Guided backpropagation", "Guided Grad-CAM", "Deconvnet",
)  # fmt: skip

# Title, how it is made, what the way back starts from, and whether the sign means something.
_Maker = tuple[str, Callable[[], Tensor], str, bool]


@dataclass(frozen=True)
class PixelViews:
    """Those that could be had, and those that could not."""

    views: tuple[PixelView, ...]
    missing: tuple[Missing, ...]


def pixel_views(
    plan: ExplainPlan, forward: Forward, images: Tensor, of: ClassFact, *, unit: bool
) -> PixelViews:
    """The views of one class's logit for the first image, of the model as it was trained.

    unit : also the deconvnet, which starts from the strongest unit and is the same for any class
    """
    model = plan.loaded.module
    score = score_of(plan, images, of.class_idx)
    at_once = {} if plan.loaded.fixed_batch is None else {"images_per_forward": len(images)}
    guided: list[Tensor] = []

    def guide() -> Tensor:
        guided.append(guided_backprop(model, images, score))
        return guided[0]

    def guide_by_map() -> Tensor:
        if not guided:
            raise ValueError("needs guided backpropagation, which could not be had")
        return guided_gradcam(guided[0], forward.map("gradcam", score).to(images))

    start = f"the {plan.request.config.target} of {of.name}"
    makers: list[_Maker] = [
        (VIEWS[0], lambda: vanilla_gradient(model, images, score), start, False),
        (VIEWS[1], lambda: smoothgrad(model, images, score, **at_once), start, False),
        (VIEWS[2], guide, start, True),
        (VIEWS[3], guide_by_map, start, True),
    ]
    return _make([*makers, _deconvnet_maker(plan, forward, images)] if unit else makers)


def _make(makers: list[_Maker]) -> PixelViews:
    views, missing = [], []
    for title, make, start, signed in makers:
        try:
            values = make()[0].float().cpu().numpy()
        except Exception as error:  # a user's forward may raise anything
            missing.append(Missing(title, first_line(error)))
        else:
            views.append(PixelView(title, values, start, signed))
    return PixelViews(tuple(views), tuple(missing))


def _deconvnet_maker(plan: ExplainPlan, forward: Forward, images: Tensor) -> _Maker:
    # From a class behind global pooling the way back is often empty: the paper, too, starts
    # from one unit at one position.
    model, layer = plan.loaded.module, plan.target_layers[-1]
    unit = int(strongest_first(forward.layers[layer].activations[0].relu())[0])

    def make() -> Tensor:
        with unit_score(model, layer, unit, layer_layout(model, layer, images)) as score:
            return deconvnet(model, images, score)

    return VIEWS[4], make, f"unit {unit} of {layer}, the strongest", True
