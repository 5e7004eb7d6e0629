"""Telling the layout of a layer's output from its shape, what ran before it, and a trial."""

import math
from typing import Any

import torch
from torch import Tensor

from cam_kernels.layers.grid_layout import GridLayout

# Class, distillation and register tokens; published networks have at most nine.
_MOST_PREFIX = 16
# Ratios of sides whose logarithms differ by less do not tell one layout from the other.
_NEAR = 0.1


class LayoutReader:
    """Reads the outputs of one forward, in the order in which they come.

    images : Tensor, shape (N, C, H, W), which the forward is given
    """

    def __init__(self, images: Tensor) -> None:
        self._batch, _, self._height, self._width = images.shape
        self._grids: list[tuple[int, int]] = []
        self._sequences: set[tuple[int, int]] = set()

    def read(self, output: Any) -> list[GridLayout]:
        """The layouts that an output can have: none where it is no grid, two where the shape
        cannot tell (then channels_first comes first).

        Windows of a grid, which Swin puts along the batch, are no grid.
        """
        if not isinstance(output, Tensor) or output.ndim not in (3, 4) or not output.numel():
            return []
        if output.shape[0] != self._batch or not output.is_floating_point():
            return []
        return self._tokens(*output.shape[1:]) if output.ndim == 3 else self._image(output)

    def _image(self, output: Tensor) -> list[GridLayout]:
        one, two, three = output.shape[1:]
        # Heads: queries and keys of shape (N, heads, T, d), attention of shape (N, heads, T, T).
        if any(
            two == length and (three == length or one * three == width)
            for length, width in self._sequences
        ):
            return []
        first = GridLayout("channels_first", two, three, one)
        last = GridLayout("channels_last", one, two, three)
        found = [first]
        if three > 1 and one <= self._height and two <= self._width:
            gain = self._mismatch(first) - self._mismatch(last)
            found = [first, last] if abs(gain) < _NEAR else [last] if gain > 0 else [first]
        self._grids += [(g.rows, g.cols) for g in found if g.rows * g.cols > 1]
        return found

    def _mismatch(self, layout: GridLayout) -> float:
        """How far the ratio of the grid's sides is from the images'."""
        return abs(math.log(layout.rows * self._width / (layout.cols * self._height)))

    def _tokens(self, length: int, width: int) -> list[GridLayout]:
        self._sequences.add((length, width))
        # Merged tokens, and patches cut without a convolution, are found by the images' sides.
        for grids in (reversed(self._grids), self._patch_grids()):
            prefixes = [(length - rows * cols, rows, cols) for rows, cols in grids]
            fits = [fit for fit in prefixes if 0 <= fit[0] <= _MOST_PREFIX]
            if fits:
                prefix, rows, cols = min(fits, key=lambda fit: fit[0])  # the latest of equals
                return [GridLayout("tokens", rows, cols, width, prefix)]
        return []

    def _patch_grids(self) -> list[tuple[int, int]]:
        common = math.gcd(self._height, self._width)
        sides = [side for side in range(1, common + 1) if common % side == 0]
        grids = [(self._height // side, self._width // side) for side in sides]
        return [(rows, cols) for rows, cols in grids if rows * cols > 1]


def corner_changed(images: Tensor) -> Tensor:
    """Images of the same shape whose top right quarter is another."""
    height, width = images.shape[2:]
    corner = images[..., : height // 2, width // 2 :]
    generator = torch.Generator().manual_seed(0)
    changed = images.clone()
    corner = corner + torch.randn(corner.shape, generator=generator).to(corner)
    changed[..., : height // 2, width // 2 :] = corner
    return changed


def proven_layout(readings: list[GridLayout], before: Tensor, after: Tensor) -> GridLayout:
    """Which of two readings is true, by what a change in the top right corner does.

    The axis in the middle holds rows in one reading and columns in the other: the change is
    at its low end if they are rows, at its high end if they are columns.

    before, after : outputs for images and for `corner_changed(images)`, 4-D
    """
    change = (after - before).abs().double().sum(dim=(0, 1, 3))
    half = len(change) // 2
    low, high = change[:half].sum(), change[len(change) - half :].sum()
    wanted = "channels_last" if high > low else "channels_first"
    return next(reading for reading in readings if reading.kind == wanted)
