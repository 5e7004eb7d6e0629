"""Does a map depend on what the model has learned? Randomising its parameters, layer by layer."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cam_kernels.saliency.rank_correlation import rank_correlation

# The maps of a fixed set of images, shape (N, ...), as drawn with a given model.
Draw = Callable[[nn.Module], Tensor]


@dataclass(frozen=True)
class RandomisedLayer:
    """How alike the maps are before and after, one value per image.

    layer : name of the layer that was randomised, in the cascade with all those after it
    correlation, absolute_correlation : shape (N,), float64, Spearman's rho of the signed values
        and of the absolute ones; NaN where a map is constant or not a number
    """

    layer: str
    correlation: Tensor
    absolute_correlation: Tensor


def randomisation_test(
    model: nn.Module, draw: Draw, layers: Sequence[str], *, cascading: bool = True, seed: int = 0
) -> Iterator[RandomisedLayer]:
    """The model parameter randomisation test (section 3, arXiv:1810.03292).

    A map whose correlation stays high while the model forgets explains the image, not the model.

    model : nn.Module in eval mode; it is not changed
    draw : makes the maps, shape (N, ...), with the model that it is given
    layers, cascading, seed : as for `randomised_models`

    Raises: ValueError as `randomised_models` and `rank_correlation` do.
    """
    before = draw(model)
    for layer, randomised in randomised_models(model, layers, cascading=cascading, seed=seed):
        after = draw(randomised)
        yield RandomisedLayer(
            layer=layer,
            correlation=rank_correlation(before, after),
            absolute_correlation=rank_correlation(before, after, absolute=True),
        )


def randomised_models(
    model: nn.Module, layers: Sequence[str], *, cascading: bool = True, seed: int = 0
) -> Iterator[tuple[str, nn.Module]]:
    """For each layer, from the last to the first, a copy of the model with new weights there.

    Cascading keeps the layers that were randomised before it, otherwise only the one layer is.
    A layer gets the same weights in both. The layer's own `reset_parameters` draws them, as
    before training; with a batch norm that puts its statistics back to mean 0 and variance 1, so
    that the scale of activations may change, too. Where there is none (a class token, say), each
    parameter is drawn from N(0, r^2) with r the root mean square of its trained values. Other
    buffers, such as those of a frozen batch norm, stay.

    In the cascade each copy is made from the last; do not change what is yielded.

    layers : names in the order of the forward, as from `parameter_layers`
    seed : of the new weights, which are the same on every device

    Raises: ValueError for a layer that the model has not or that holds no parameter of its own.
    """
    for name in layers:
        _check_layer(model, name)
    seeds = torch.randint(2**62, (len(layers),), generator=torch.Generator().manual_seed(seed))
    current = model
    for name, own_seed in reversed(list(zip(layers, seeds.tolist(), strict=True))):
        # A copy made in inference mode could not take part in a backward.
        with torch.inference_mode(False):
            randomised = copy.deepcopy(current if cascading else model)
            _randomise(randomised.get_submodule(name), own_seed)
        yield name, randomised
        current = randomised


def parameter_layers(model: nn.Module, images: Tensor) -> list[str]:
    """Layers that hold parameters of their own, in the order in which the forward reaches them.

    One that is not called as a module counts as reached with the module around it, after which
    the order of definition decides. '' is the model itself.

    images : Tensor, shape (N, C, H, W), as the model takes them
    """
    reached: dict[str, int] = {}
    handles = []

    def watch(name: str, module: nn.Module) -> None:
        def note(_module: nn.Module, _inputs: Any) -> None:
            reached.setdefault(name, len(reached))

        handles.append(module.register_forward_pre_hook(note))

    for name, module in model.named_modules():
        watch(name, module)
    try:
        with torch.no_grad():
            model(images)
    finally:
        for handle in handles:
            handle.remove()

    def turn(name: str) -> int:
        while name not in reached:
            name = name.rpartition(".")[0]
        return reached[name]

    own = [name for name, module in model.named_modules() if _own_parameters(module)]
    return sorted(own, key=turn)  # a stable sort: equals stay in the order of definition


def _own_parameters(module: nn.Module) -> list[nn.Parameter]:
    return list(module.parameters(recurse=False))


def _check_layer(model: nn.Module, name: str) -> None:
    module = dict(model.named_modules(remove_duplicate=False)).get(name)
    if module is None or not _own_parameters(module):
        found = "no layer of the model" if module is None else "a layer without parameters"
        raise ValueError(
            f"{name!r} is {found}; expected a layer that holds parameters of its own. List them "
            "with parameter_layers(model, images)"
        )


def _randomise(module: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    reset: Any = getattr(module, "reset_parameters", None)
    # With children, a reset of its own may reach into layers whose turn has not come.
    if callable(reset) and not list(module.children()):
        fresh: Any = copy.deepcopy(module).cpu()
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.set_state(generator.get_state())
            fresh.reset_parameters()
        module.load_state_dict(fresh.state_dict())
        return
    with torch.no_grad():
        for parameter in _own_parameters(module):
            size = parameter.double().square().mean().sqrt().cpu()
            drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(size * drawn)
