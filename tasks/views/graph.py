"""A network seen whole: the table of its layers, and its graph for TensorBoard."""

import contextlib
import io
import os
import re
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from cam_kernels.layers.layer_costs import LayerCost, NetworkCost, layer_costs
from cam_kernels.layers.layer_watch import attention_in_operators
from cam_kernels.layers.receptive_field import ReceptiveField, receptive_fields
from tasks.errors import AuditError
from tasks.model.loaded import LoadedModel
from tasks.model.loading import load_model
from tasks.model.names import is_weights_file
from tasks.model.probe import example_images

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

EVENTS_FILE = "events.out.tfevents.graph"  # TensorBoard reads what has `tfevents` in its name


class GraphNotTraced(AuditError):
    """The model runs, but TensorBoard's tracer cannot follow its forward."""


@dataclass(frozen=True)
class NetworkView:
    """A model as it ran on an example.

    fields : receptive field of each layer's units; None where they see the whole image, or
        where what they see is not known
    images : the example, shape (N, 3, crop, crop)
    """

    name: str
    cost: NetworkCost
    fields: dict[str, ReceptiveField | None]
    module: nn.Module
    images: torch.Tensor

    def rows(self) -> list[tuple[LayerCost, ReceptiveField | None]]:
        """The layers, one for each line of the table."""
        return [(layer, self.fields[layer.name]) for layer in self.cost.layers]


def view_network(model: str, weights: str | None = None, crop: int | None = None) -> NetworkView:
    """The layers of a model with what each holds, computes and sees, from one forward of noise.

    weights : as for an audit; only a file is read, as it may have another number of classes
    crop : side of the input in pixels; default: the model's own, or 224

    Raises: AuditError for an unknown model and for an input that it does not take.
    """
    published = model.startswith("torchvision:") and not is_weights_file(weights or "")
    loaded = load_model(model, weights, untrained=weights is None or published)
    side = loaded.preprocessing.get("crop", 224) if crop is None else crop
    if not isinstance(side, int) or side < 1:
        raise AuditError(f"crop is {side!r}; expected a number of pixels above 0, as --crop 224")
    images = example_images(loaded, side)
    return NetworkView(
        name=model,
        cost=_costs(loaded, images, model),
        fields=receptive_fields(loaded.module),
        module=loaded.module,
        images=images,
    )


def _costs(loaded: LoadedModel, images: torch.Tensor, name: str) -> NetworkCost:
    try:
        return layer_costs(loaded.module, images)
    except Exception as error:  # a user's forward may raise anything
        side = images.shape[-1]
        raise AuditError(
            f"{name} fails on an input of 3 x {side} x {side}: {type(error).__name__}: {error}. "
            "Give the --crop that the model was trained with"
        ) from error


def write_graph(view: NetworkView, out: Path) -> Path:
    """Write the network's graph as TensorBoard events, in a folder of its own under `out`.

    Writing the same model again replaces its file; one that fails leaves nothing.

    Returns: the file of events.

    Raises: AuditError where tensorboard is not installed; GraphNotTraced.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise AuditError(
            "the graph needs tensorboard, which is not installed; "
            "pip install 'camaudit[tensorboard]'"
        ) from error
    folder = out / re.sub(r"[^\w.-]+", "_", view.name.rpartition("/")[2])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".graph-") as unfinished:
        with contextlib.closing(SummaryWriter(unfinished)) as writer:
            _add_graph(writer, view)
        (events,) = Path(unfinished).iterdir()
        folder.mkdir(exist_ok=True)
        os.replace(events, folder / EVENTS_FILE)
    return folder / EVENTS_FILE


def _add_graph(writer: "SummaryWriter", view: NetworkView) -> None:
    with contextlib.ExitStack() as stack:
        # torch prints what it raises, and its warnings are about a trace that nobody will run.
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(attention_in_operators())
        try:
            # Not strict: a dict may be returned, too.
            writer.add_graph(view.module, view.images, use_strict_trace=False)
        except Exception as error:  # a user's forward may raise anything
            reason = (str(error).strip() or "no reason given").splitlines()[0][:200]
            raise GraphNotTraced(
                f"TensorBoard's tracer cannot follow {view.name}, so its graph is not written: "
                f"{type(error).__name__}: {reason}. Expected a forward that returns tensors, or a "
                "tuple or dict of tensors, and takes the same way each time"
            ) from error
