"""One forward, from which the maps of any classes by any methods follow."""

import copy
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from cam_kernels.evidence import LayerEvidence, LayerOfNetwork
from cam_kernels.fast_copy import fast_copy
from cam_kernels.fast_network import FastNetwork
from cam_kernels.forward import Forward
from cam_kernels.head import PooledLinearHead, find_pooled_linear_head
from cam_kernels.head_alone import head_alone
from cam_kernels.layers.layer_outputs import known_layer
from cam_kernels.layers.target_layer import layer_layout, output_hook
from cam_kernels.targets import Target


class Explainer:
    """A frozen copy of a model that explains as it classifies.

    The trunk builds no graph: the target layer's output is cloned, detached and made a leaf,
    and only what follows it is differentiated, once per class asked for. The clone also keeps
    an in-place successor (a ReLU, say) from changing the activations under the gradients.
    Behind a GAP + linear head nothing is differentiated at all. The caller may be in `no_grad`
    or `inference_mode`; a compiled model is explained as the module that it was compiled from.

    model : nn.Module; its parameters may be frozen, on any device and in any precision
    target_layers : one name, or several, whose maps are then fused
    images : Tensor, shape (N, C, H, W): an example, as the model takes them
    watched : further layers whose outputs in `model` have to be their own; none is explained
    exact : leave the model's arithmetic untouched (no folding, no channels-last, no closed form,
        no half precision)
    autocast : half precision that the network runs in, where its outputs stay near enough

    Attributes: `model` (what is run), `untouched` (with its own layers, for methods that look at
    each), `layouts` and `heads` per layer (a head is None where more than pooling and one
    linear layer follows), `watched` (the layouts of the further layers), `closed_form` (whether
    gradients of such heads are taken from their weights), `folded` (False where the forward
    cannot be traced), `deviation` (largest difference of an output from the untouched model's on
    the example, relative to the largest output), `autocast` (the half precision that it runs in,
    or None), `compiled` (whether the trunk is, see `compile_trunk`), `fallbacks` (a sentence for
    each of these that was tried in vain).

    Raises: ValueError for a layer that is unknown or has no grid.
    """

    @torch.inference_mode(False)
    def __init__(
        self,
        model: nn.Module,
        target_layers: str | Sequence[str],
        images: Tensor,
        *,
        watched: Sequence[str] = (),
        exact: bool = False,
        tolerance: float = 1e-3,
        autocast: torch.dtype | None = None,
    ) -> None:
        names = [target_layers] if isinstance(target_layers, str) else list(target_layers)
        eager: nn.Module = getattr(model, "_orig_mod", model)
        self.untouched = copy.deepcopy(eager).eval().requires_grad_(False)
        layouts = {
            name: layer_layout(self.untouched, known_layer(name, eager), images)
            for name in (*names, *watched)
        }
        self.layouts = {name: layouts[name] for name in names}
        self.watched = {name: layouts[name] for name in watched}
        fast = fast_copy(
            self.untouched,
            list(layouts),
            images,
            exact=exact,
            tolerance=tolerance,
            autocast=autocast,
        )
        self.model, self.folded, self.deviation = fast.model, fast.folded, fast.deviation
        self.autocast = None if fast.half is None else fast.half.dtype
        self._network = FastNetwork(fast, tolerance)
        self.closed_form = not exact
        self.heads: dict[str, PooledLinearHead | None] = {
            name: find_pooled_linear_head(self.model, name, images) for name in names
        }

    def forward(self, images: Tensor) -> Forward:
        """Run the model once.

        images : Tensor, shape (N, C, H, W), as the model takes them

        Raises: ValueError for a layer that does not run exactly once.
        """
        images = self._network.laid_out(images)
        seen: dict[str, list[Tensor]] = {name: [] for name in self.layouts}

        def keep(name: str, output: Tensor) -> Tensor:
            # What follows may work in place, on what it gets or on the output itself.
            kept = output.clone()
            if not kept.requires_grad:  # the first target layer: here the graph begins
                kept = kept.detach().requires_grad_()
            seen[name].append(kept)
            return kept.clone()

        with torch.inference_mode(False), torch.enable_grad(), ExitStack() as hooks:
            for name, layout in self.layouts.items():
                hooks.enter_context(output_hook(self.model, name, partial(keep, name), layout))
            output = self._network(images)
        for name, outputs in seen.items():
            if len(outputs) != 1:
                raise ValueError(
                    f"layer {name!r} ran {len(outputs)} times in one forward; expected once. "
                    "Choose a layer that is not shared"
                )
        layers = {
            name: LayerEvidence(self._layer(name), images, kept, output)
            for name, (kept,) in seen.items()
        }
        return Forward(images, output, layers)

    def logits(self, images: Tensor) -> Tensor:
        """What the same copy of the model returns where no map is asked for.

        images : Tensor, shape (N, C, H, W), as the model takes them
        """
        # Not in inference mode, for which all would be compiled a second time.
        with torch.inference_mode(False), torch.no_grad():
            logits: Tensor = self._network(self._network.laid_out(images))
        return logits

    def compile_trunk(self, images: Tensor, hooked: Sequence[str] = ()) -> None:
        """Compile what precedes the target layer for images of this size; others, and what
        follows the layer, run as before. Takes a minute or more. Where anything raises, or the
        outputs differ by more than the tolerance, nothing is compiled, and `fallbacks` says so.

        images : Tensor, shape (N, C, H, W), a whole batch as the model takes them
        hooked : further layers that the caller hooks, beside the target layers and `watched`
        """
        hooked = [*self.layouts, *self.watched, *hooked]
        self._network.compile_trunk(list(self.layouts), hooked, images)

    @property
    def compiled(self) -> bool:
        """Whether the trunk is, for images of some size."""
        return self._network.compiled

    @property
    def fallbacks(self) -> list[str]:
        """A sentence for each thing that was tried in vain."""
        return list(self._network.fallbacks)

    def _layer(self, name: str) -> LayerOfNetwork:
        return LayerOfNetwork(
            name,
            self.heads[name],
            self.closed_form,
            self._network,
            self.untouched,
            evidence_of=lambda images: self.forward(images).layers[name],
            run_from=partial(self._run_from, name),
        )

    def _run_from(self, name: str, images: Tensor) -> Callable[[Tensor, Tensor], Any]:
        layout = self.layouts[name]
        kept: list[Tensor] = []
        precise = self._network.precise(images)
        with torch.no_grad(), output_hook(self.model, name, kept.append), precise():
            output = self.model(images)
        (own,) = kept
        with precise():
            head = head_alone(self.model, name, own, output)

        def run(activations: Tensor, of: Tensor) -> Any:
            changed = activations.to(own.dtype)
            if layout is not None:
                changed = layout.from_grid(changed, own[of])
            with precise():
                if head is not None:
                    return head(changed)
                with output_hook(self.model, name, lambda _output: changed):
                    return self.model(images[of])

        return run

    def explain(
        self, images: Tensor, methods: Sequence[str], targets: Sequence[Target]
    ) -> dict[str, Tensor]:
        """Maps by each method, shape (N, targets, H, W), from one forward.

        For classes that depend on the prediction use `forward` and `Forward.maps`.
        """
        return self.forward(images).maps(methods, targets)
