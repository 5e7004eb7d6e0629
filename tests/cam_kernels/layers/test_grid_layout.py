"""From a layer's output to its grid and back, cell by cell."""

import pytest
import torch
from torch import Tensor

from cam_kernels.layers.grid_layout import GridLayout

ROWS, COLS, CHANNELS = 2, 3, 4
KINDS = [("channels_first", 0), ("channels_last", 0)] + [("tokens", p) for p in (0, 1, 2, 5)]


def example(kind: str, prefix: int) -> tuple[GridLayout, Tensor]:
    layout = GridLayout(kind, ROWS, COLS, CHANNELS, prefix)
    shape = {
        "channels_first": (2, CHANNELS, ROWS, COLS),
        "channels_last": (2, ROWS, COLS, CHANNELS),
        "tokens": (2, prefix + ROWS * COLS, CHANNELS),
    }[kind]
    return layout, torch.randn(shape, generator=torch.Generator().manual_seed(prefix))


def number_at(kind: str, prefix: int, output: Tensor, n: int, k: int, row: int, col: int) -> float:
    """One number of the grid, by the layout's definition."""
    if kind == "channels_first":
        return output[n, k, row, col].item()
    if kind == "channels_last":
        return output[n, row, col, k].item()
    return output[n, prefix + row * COLS + col, k].item()


@pytest.mark.parametrize(("kind", "prefix"), KINDS)
def test_every_number_is_where_it_belongs_and_comes_back(kind: str, prefix: int) -> None:
    layout, output = example(kind, prefix)
    grid = layout.to_grid(output)
    assert grid.shape == (2, CHANNELS, ROWS, COLS)
    for index in torch.cartesian_prod(*(torch.arange(size) for size in grid.shape)).tolist():
        assert grid[tuple(index)].item() == number_at(kind, prefix, output, *index)
    assert torch.equal(layout.from_grid(grid.clone(), output), output)


@pytest.mark.parametrize(("kind", "prefix"), KINDS)
def test_another_grid_is_put_in_and_the_tokens_before_it_stay(kind: str, prefix: int) -> None:
    layout, output = example(kind, prefix)
    other = torch.randn((2, CHANNELS, ROWS, COLS), generator=torch.Generator().manual_seed(9))
    changed = layout.from_grid(other, output)
    assert changed.shape == output.shape and changed.is_contiguous()
    for index in torch.cartesian_prod(*(torch.arange(size) for size in other.shape)).tolist():
        assert number_at(kind, prefix, changed, *index) == other[tuple(index)].item()
    if kind == "tokens":
        assert torch.equal(changed[:, :prefix], output[:, :prefix])


@pytest.mark.parametrize(("kind", "prefix"), KINDS)
def test_gradients_pass_both_ways(kind: str, prefix: int) -> None:
    layout, output = example(kind, prefix)
    factors = torch.randn(output.shape, generator=torch.Generator().manual_seed(3))
    grid = layout.to_grid(output).detach().requires_grad_()
    (factors * layout.from_grid(grid, output)).sum().backward()
    assert torch.equal(grid.grad, layout.to_grid(factors))
    output.requires_grad_()
    (layout.to_grid(output) ** 2).sum().backward()
    expected = 2 * output.detach()
    expected[:, :prefix] *= 0 if kind == "tokens" else 1
    assert torch.equal(output.grad, expected)


@pytest.mark.parametrize("kind", ["channels_first", "channels_last"])
def test_images_of_another_size_have_another_grid(kind: str) -> None:
    layout, _ = example(kind, 0)
    shape = (1, CHANNELS, 5, 7) if kind == "channels_first" else (1, 5, 7, CHANNELS)
    output = torch.randn(shape)
    grid = layout.to_grid(output)
    assert grid.shape == (1, CHANNELS, 5, 7)
    assert torch.equal(layout.from_grid(grid, output), output)


@pytest.mark.parametrize(
    ("kind", "prefix", "shape", "expected"),
    [
        ("tokens", 1, (2, 8, 4), r"\(2, 8, 4\); expected \(N, 7, 4\), which is 1 tokens before a "
         r"grid of 2 x 3"),
        ("tokens", 0, (2, 6, 5), r"expected \(N, 6, 4\)"),
        ("tokens", 0, (2, 4, 2, 3), r"expected \(N, 6, 4\)"),
        ("channels_first", 0, (2, 6, 4), r"expected \(N, 4, rows, cols\)"),
        ("channels_first", 0, (2, 2, 3, 4), r"expected \(N, 4, rows, cols\)"),
        ("channels_last", 0, (2, 4, 2, 3), r"expected \(N, rows, cols, 4\)"),
    ],
)  # fmt: skip
def test_an_output_of_another_layout(
    kind: str, prefix: int, shape: tuple[int, ...], expected: str
) -> None:
    layout, output = example(kind, prefix)
    for call in (layout.to_grid, lambda wrong: layout.from_grid(layout.to_grid(output), wrong)):
        with pytest.raises(ValueError, match=expected):
            call(torch.zeros(shape))


@pytest.mark.parametrize(("kind", "prefix"), KINDS)
def test_a_grid_of_another_shape(kind: str, prefix: int) -> None:
    layout, output = example(kind, prefix)
    with pytest.raises(ValueError, match=r"\(2, 4, 3, 2\).*expected \(2, 4, 2, 3\)"):
        layout.from_grid(torch.zeros((2, CHANNELS, COLS, ROWS)), output)
