"""How a layer's output holds its grid: as images, with the channels last, or as tokens."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Kind = Literal["channels_first", "channels_last", "tokens"]


@dataclass(frozen=True)
class GridLayout:
    """Where the cells of a grid stand in a layer's output.

    kind : "channels_first" (N, K, H, W), "channels_last" (N, H, W, K), or "tokens"
        (N, prefix + H W, K), row after row
    rows, cols : H and W for the images that the layout was found with
    channels : K
    prefix : tokens before those of the grid (class, distillation and register tokens)
    """

    kind: Kind
    rows: int
    cols: int
    channels: int
    prefix: int = 0

    @property
    def words(self) -> str:
        """The order of the output's axes: "NCHW", "NHWC", "tokens" or, say, "1 + tokens"."""
        if self.kind == "tokens":
            return f"{self.prefix} + tokens" if self.prefix else "tokens"
        return "NCHW" if self.kind == "channels_first" else "NHWC"

    def to_grid(self, output: Tensor) -> Tensor:
        """The cells of `output` as a Tensor of shape (N, K, H, W), a view of it.

        H and W are the output's own, so that images of another size may be given; for tokens
        they are `rows` and `cols`, as the number of tokens does not tell them.

        Raises: ValueError for an output that is not of this layout.
        """
        self._check(output)
        if self.kind == "channels_first":
            return output
        if self.kind == "channels_last":
            return output.permute(0, 3, 1, 2)
        cells = output[:, self.prefix :].transpose(1, 2)
        return cells.unflatten(2, (self.rows, self.cols))

    def from_grid(self, grid: Tensor, output: Tensor) -> Tensor:
        """`output` with the cells of `grid` in it; the tokens before the grid stay as they are.

        grid : Tensor, of the shape of `to_grid(output)`

        Returns: a Tensor of the shape of `output`.

        Raises: ValueError for an output that is not of this layout, or a grid of another shape.
        """
        expected = self.to_grid(output).shape
        if grid.shape != expected:
            raise ValueError(
                f"a grid of shape {tuple(grid.shape)} was given for an output of shape "
                f"{tuple(output.shape)}; expected {tuple(expected)}"
            )
        if self.kind == "channels_first":
            return grid
        # Models call .view on these outputs, which only contiguous ones allow.
        if self.kind == "channels_last":
            return grid.permute(0, 2, 3, 1).contiguous()
        tokens = grid.flatten(2).transpose(1, 2)
        return torch.cat([output[:, : self.prefix], tokens], dim=1)

    def _check(self, output: Tensor) -> None:
        tokens = self.prefix + self.rows * self.cols
        channels_at = 1 if self.kind == "channels_first" else -1
        ndim = 3 if self.kind == "tokens" else 4
        fits = output.ndim == ndim and output.shape[channels_at] == self.channels
        if fits and (self.kind != "tokens" or output.shape[1] == tokens):
            return
        shape = {
            "channels_first": f"(N, {self.channels}, rows, cols)",
            "channels_last": f"(N, rows, cols, {self.channels})",
            "tokens": f"(N, {tokens}, {self.channels}), which is {self.prefix} tokens before a "
            f"grid of {self.rows} x {self.cols}",
        }[self.kind]
        raise ValueError(
            f"the layer puts out a tensor of shape {tuple(output.shape)}; expected {shape}. "
            "Give images of the size that the layout was found with"
        )
