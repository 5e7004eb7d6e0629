"""Images as functions of free parameters, so that gradient ascent stays among valid pictures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from cam_kernels.names import ParametrisationName

# Square root of the covariance of the colours of ImageNet's pixels, its longest column scaled
# to one: three uncorrelated numbers to RGB (Lucid, tensorflow/lucid, optvis/param/color.py).
_COLOUR_SQRT = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))


class Parametrisation(Protocol):
    """What gradient ascent moves in place of pixels.

    size : side of the pictures in pixels
    """

    @property
    def size(self) -> int: ...

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Parameters of `count` random pictures of full contrast, float32, on the CPU.

        Times c < 1 they are those of a picture of c times the contrast; zero is mid-grey.
        """

    def images(self, parameters: Tensor) -> Tensor:
        """The pictures, shape (count, 3, size, size), RGB, values in [0, 1]."""


@dataclass(frozen=True)
class FourierImages:
    """A spectrum whose coefficients are scaled by 1 / f, in uncorrelated colours.

    Natural images have such a spectrum, so a step of equal length in each parameter is one
    towards an image of natural statistics ("Preconditioning and Parameterization" in Olah et
    al., "Feature Visualization", Distill 2017; Mordvintsev et al., "Differentiable Image
    Parameterizations", Distill 2018).

    decay : exponent of 1 / f; 0 leaves the spectrum white

    Parameters: shape (count, 3, size, size // 2 + 1, 2), real and imaginary parts.
    """

    size: int
    decay: float = 1.0

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        shape = (count, 3, self.size, self.size // 2 + 1, 2)
        return torch.randn(shape, generator=generator)

    def images(self, parameters: Tensor) -> Tensor:
        return correlate_colours(self.planes(parameters)).sigmoid()

    def planes(self, parameters: Tensor) -> Tensor:
        """The three uncorrelated colour planes, shape (count, 3, size, size), any sign.

        For parameters drawn from a standard normal distribution their mean square is one.
        """
        spectrum = torch.view_as_complex(parameters) * self.scale().to(parameters.device)
        return torch.fft.irfft2(spectrum, s=(self.size, self.size), norm="ortho")

    def scale(self) -> Tensor:
        """Factor of each coefficient, 1 / f^decay with f in cycles per pixel, the constant
        term like the lowest frequency; shape (size, size // 2 + 1), float32."""
        rows = torch.fft.fftfreq(self.size, dtype=torch.float64)
        cols = torch.fft.rfftfreq(self.size, dtype=torch.float64)
        frequency = torch.hypot(rows[:, None], cols[None, :]).clamp(min=1 / self.size)
        scale = frequency**-self.decay
        # Two parts of variance one make each coefficient, and an inner column stands for two of
        # the full spectrum. Of the outer ones (the last only where the side is even) the inverse
        # transform keeps the real part along the rows, which has half the power.
        power = scale.square()
        power[:, 1 : (self.size + 1) // 2] *= 4
        return (scale * self.size / power.sum().sqrt()).float()


@dataclass(frozen=True)
class PixelImages:
    """Pixels through a sigmoid, each independent of all others.

    Parameters: shape (count, 3, size, size).
    """

    size: int

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn((count, 3, self.size, self.size), generator=generator)

    def images(self, parameters: Tensor) -> Tensor:
        return parameters.sigmoid()


PARAMETRISATIONS: dict[ParametrisationName, Callable[[int], Parametrisation]] = {
    "fourier": FourierImages,
    "pixel": PixelImages,
}


def correlate_colours(planes: Tensor) -> Tensor:
    """Three uncorrelated planes to RGB with the correlations of natural images.

    planes : Tensor, shape (N, 3, H, W)

    Returns: the same shape; not yet limited to any range.
    """
    root = torch.tensor(_COLOUR_SQRT, dtype=planes.dtype, device=planes.device)
    matrix = root / root.square().sum(dim=0).max().sqrt()
    return torch.einsum("rc,nchw->nrhw", matrix, planes)
