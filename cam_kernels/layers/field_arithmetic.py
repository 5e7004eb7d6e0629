"""How a receptive field grows from layer to layer.

Unit (row, col) sees the input rows `row * jump + start ... + size - 1`, and so for columns.
A convolution or pooling with kernel k, stride s, padding p and dilation d changes these to
start - p jump, size + (k - 1) d jump, jump s (Araujo et al., Distill 2019, eq. 1 to 5);
where branches meet, the field is the smallest that holds them all.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ReceptiveField:
    """The input pixels that a unit sees, in (row, column) pairs."""

    start: tuple[int, int] = (0, 0)
    size: tuple[int, int] = (1, 1)
    jump: tuple[int, int] = (1, 1)

    def box(self, row: Any, col: Any) -> tuple[Any, Any, Any, Any]:
        """(top, left, bottom, right) of the field of the unit at a cell, in input pixels, the
        last two exclusive; it may reach over the input's edges.

        row, col : int, or integer arrays of one shape, which give four arrays of that shape
        """
        top, left = row * self.jump[0] + self.start[0], col * self.jump[1] + self.start[1]
        return top, left, top + self.size[0], left + self.size[1]

    def through_window(
        self,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int],
        dilation: tuple[int, int],
    ) -> "ReceptiveField":
        """The field behind one more convolution or pooling."""
        axes = (0, 1)
        return ReceptiveField(
            start=_pair(self.start[i] - padding[i] * self.jump[i] for i in axes),
            size=_pair(self.size[i] + (kernel[i] - 1) * dilation[i] * self.jump[i] for i in axes),
            jump=_pair(self.jump[i] * stride[i] for i in axes),
        )

    def union(self, other: "ReceptiveField") -> "ReceptiveField | None":
        """The smallest field that holds both; None where their strides differ."""
        if self.jump != other.jump:
            return None
        start = _pair(min(a, b) for a, b in zip(self.start, other.start, strict=True))
        end = _pair(
            max(a + p, b + q)
            for a, p, b, q in zip(self.start, self.size, other.start, other.size, strict=True)
        )
        size = _pair(e - s for e, s in zip(end, start, strict=True))
        return ReceptiveField(start, size, self.jump)


def _pair(values: Any) -> tuple[int, int]:
    first, second = values
    return first, second
