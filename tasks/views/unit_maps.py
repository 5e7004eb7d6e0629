"""Feature maps: what the strongest units of a layer put out for an image."""

from contextlib import ExitStack
from functools import partial

import torch
from torch import Tensor

from cam_kernels.layers.target_layer import layer_layout, output_hook
from tasks.errors import AuditError
from tasks.views.explain_plan import ExplainPlan
from tasks.views.explanation import UnitMaps

SHOWN = 64


def unit_maps(plan: ExplainPlan, images: Tensor) -> tuple[UnitMaps, ...]:
    """The strongest units of each feature layer for the first image, as `strongest_first`.

    Raises: AuditError for a layer that runs more than once.
    """
    model = plan.loaded.module
    # Each costs a forward, which the hooks below must not see.
    layouts = {name: layer_layout(model, name, images) for name in plan.feature_layers}
    seen: dict[str, list[Tensor]] = {name: [] for name in plan.feature_layers}

    def keep(name: str, grid: Tensor) -> None:
        seen[name].append(grid[0].detach().float().cpu().clone())  # what follows may be in place

    with torch.no_grad(), ExitStack() as hooks:
        for name, layout in layouts.items():
            hooks.enter_context(output_hook(model, name, partial(keep, name), layout))
        model(images)
    for name, grids in seen.items():
        if len(grids) != 1:
            raise AuditError(
                f"layer {name!r} of {plan.request.config.model} runs {len(grids)} times in one "
                "forward; expected once. Choose a layer that is not shared"
            )
    return tuple(_strongest(plan, name, grids[0]) for name, grids in seen.items())


def strongest_first(grid: Tensor) -> Tensor:
    """Units by their largest absolute activation; among equals, as many are at the ceiling of a
    ReLU6, by the mean absolute activation, and then by number.

    grid : Tensor, shape (units, rows, cols)

    Returns: Tensor, shape (units,), int64.
    """
    sizes = grid.abs().flatten(1).nan_to_num(torch.inf)
    by_mean = sizes.mean(dim=1).argsort(descending=True, stable=True)
    by_peak = sizes.amax(dim=1)[by_mean].argsort(descending=True, stable=True)
    return by_mean[by_peak]


def _strongest(plan: ExplainPlan, layer: str, grid: Tensor) -> UnitMaps:
    units = strongest_first(grid)[:SHOWN]
    return UnitMaps(
        layer=layer,
        kind=type(plan.loaded.module.get_submodule(layer)).__name__,
        maps=grid[units].numpy(),
        units=tuple(units.tolist()),
        total=len(grid),
    )
