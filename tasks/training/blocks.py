"""The blocks of a network, as one thinks of them when the last few are to be trained."""

from torch import nn

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def blocks_of(module: nn.Module, without: str | None = None) -> list[str]:
    """Names of the blocks, in the order in which they are written down.

    What only holds others (a Sequential, a list, numbered parts, or more than half of all
    parameters) is looked into; what is then found to have a weight matrix is a block: a
    convolution, a residual block, an Inception module, a layer of a transformer.

    without : name of a layer that is none: the head
    """
    whole = sum(p.numel() for n, p in module.named_parameters() if not _within(n, without))
    found: list[str] = []

    def look(name: str, part: nn.Module) -> None:
        if name == without:
            return
        parameters = [p for n, p in part.named_parameters() if not _within(_join(name, n), without)]
        children = [(n, child) for n, child in part.named_children() if _has_parameters(child)]
        is_large = 2 * sum(p.numel() for p in parameters) > whole and len(children) > 1
        if children and (not name or _is_container(part) or is_large):
            for child, inner in children:
                look(_join(name, child), inner)
        elif any(p.ndim > 1 for p in parameters):
            found.append(name)

    look("", module)
    return found


def last_parameters(
    module: nn.Module, count: int, without: str | None = None
) -> dict[str, nn.Parameter]:
    """The parameters, by name, of the last `count` blocks and of all that is written down between
    them and behind them, such as a last norm; none for a count of 0."""
    named = {n: p for n, p in module.named_parameters() if not _within(n, without)}
    blocks = blocks_of(module, without)[-count:] if count else []
    if not blocks:
        return {}
    names = list(named)
    first = next(i for i, name in enumerate(names) if _within(name, blocks[0]))
    return {name: named[name] for name in names[first:]}


def _is_container(part: nn.Module) -> bool:
    """Subclasses of Sequential have a name of their own, and are blocks. torch.fx leaves plain
    modules in place of containers, with numbered children."""
    numbered = all(name.isdigit() for name, _ in part.named_children())
    return type(part) in _CONTAINERS or (type(part) is nn.Module and numbered)


def _has_parameters(part: nn.Module) -> bool:
    return next(part.parameters(), None) is not None


def _within(name: str, layer: str | None) -> bool:
    return layer is not None and (name == layer or name.startswith(layer + "."))


def _join(name: str, child: str) -> str:
    return f"{name}.{child}" if name else child
