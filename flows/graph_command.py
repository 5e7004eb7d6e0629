"""The command `camaudit graph`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from flows import options
from flows.network_table import print_network
from flows.plain_errors import told_plainly
from flows.progress import console
from tasks.config import AuditConfig


def graph(
    model: Annotated[str, typer.Argument(help=AuditConfig.model_fields["model"].description)],
    weights: options.Weights = None,
    crop: options.Crop = None,
    out: Annotated[Path, typer.Option(help="Folder for TensorBoard")] = Path("runs/graph"),
) -> None:
    """List what every layer holds, computes and sees; write the graph for TensorBoard."""
    from tasks.views.graph import GraphNotTraced, view_network, write_graph

    with told_plainly():
        view = view_network(model, weights, crop)
        print_network(view)
        uncounted = [layer.name for layer in view.cost.layers if layer.multiply_adds is None]
        if uncounted:
            names = escape(", ".join(uncounted))
            console.print(f"Not in the total: the products of {names}", soft_wrap=True)
        try:
            events = write_graph(view, out)
        except GraphNotTraced as warning:
            console.print(f"[bold yellow]Warning:[/] {escape(str(warning))}", soft_wrap=True)
            return
    print(events.resolve())
    console.print(f"Look at it with: tensorboard --logdir {escape(str(out))}", soft_wrap=True)
