"""The layers of a network as a table in the terminal."""

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

if TYPE_CHECKING:  # torch takes seconds, and no other command waits for it
    from cam_kernels.layers.layer_costs import LayerCost
    from cam_kernels.layers.receptive_field import ReceptiveField
    from tasks.views.graph import NetworkView

_NARROWEST = 14
_UNBOUNDED = 1000


def print_network(view: "NetworkView") -> None:
    """Print a line for each layer, the totals at the foot.

    Names too long for the terminal are broken at their dots. In a file or a pipe, which can be
    as wide as need be, they stay whole, so that they can be searched for.
    """
    terminal = Console()
    names = [_name(layer) for layer in view.cost.layers]
    table = _table(view, names)
    unbounded = terminal.options.update(width=_UNBOUNDED)
    excess = terminal.measure(table, options=unbounded).maximum - terminal.width
    if excess > 0 and terminal.is_terminal:
        room = max(_NARROWEST, max(map(len, names)) - excess)
        table = _table(view, [_broken_at_dots(name, room) for name in names])
    elif excess > 0:
        terminal.width += excess
    terminal.print(table)


def _table(view: "NetworkView", names: list[str]) -> Table:
    side = view.images.shape[-1]
    table = Table(
        Column("layer", "total", overflow="fold", min_width=_NARROWEST),
        Column("kind", f"{len(names)} layers", overflow="ellipsis"),
        Column("output", no_wrap=True),
        _number("parameters", f"{view.cost.parameters:,}"),
        _number("multiply-\nadds", _short(view.cost.multiply_adds)),
        _number("field /\nstride"),
        title=f"{escape(view.name)} on 3 x {side} x {side}",
        caption=(
            "multiply-adds of one image; receptive field and stride in pixels of the input\n"
            "(no field: the layer mixes all positions, or its field cannot be told)"
        ),
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_footer=True,
    )
    for name, (layer, field) in zip(names, view.rows(), strict=True):
        table.add_row(
            escape(name),
            escape(_kind(layer)),
            _output(layer),
            f"{layer.parameters:,}" if layer.parameters else "",
            "?" if layer.multiply_adds is None else _short(layer.multiply_adds),
            "" if field is None else _field(field),
        )
    return table


def _number(header: str, footer: str = "") -> Column:
    return Column(header, footer, justify="right", no_wrap=True)


def _name(layer: "LayerCost") -> str:
    return layer.name or "(the model itself)"


def _broken_at_dots(name: str, width: int) -> str:
    """Lines of at most `width` characters, where dots allow it."""
    lines = [""]
    for part in name.split("."):
        joined = f"{lines[-1]}.{part}" if lines[-1] else part
        if len(joined) <= width or not lines[-1]:
            lines[-1] = joined
        else:
            lines += [f"  .{part}"]
    return "\n".join(lines)


def _kind(layer: "LayerCost") -> str:
    calls = len(layer.output_shapes)
    return f"{layer.kind} ×{calls}" if calls > 1 else layer.kind


def _output(layer: "LayerCost") -> str:
    if not layer.output_shapes:
        return "never called"
    shapes = dict.fromkeys(layer.output_shapes)  # each once, in the order of the calls
    return "\n".join("–" if shape is None else " x ".join(map(str, shape)) for shape in shapes)


def _field(field: "ReceptiveField") -> str:
    return " / ".join(
        str(rows) if rows == cols else f"{rows}x{cols}" for rows, cols in (field.size, field.jump)
    )


def _short(number: int) -> str:
    """Four significant digits with their unit, as '1.814 G'; nothing for zero."""
    rounded = float(f"{number:.4g}")
    for unit, factor in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if rounded >= factor:
            return f"{rounded / factor:#.4g} {unit}"
    return str(number or "")
