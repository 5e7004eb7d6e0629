"""The activation that a unit exceeds at a given share of all positions of all images."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

EXACT_BYTES = 2**30  # the most that the largest activations may take
_BITS = 14  # of a float32: sign, exponent and 5 of the mantissa
_BINS = 2**_BITS
SKETCH_ERROR = 2.0 ** -(_BITS - 9)  # relative width of a bin


@dataclass(frozen=True)
class Thresholds:
    """For each of K units.

    level : float32, shape (K,): T_k of arXiv:1704.05796, section 2.3, P(a_k > T_k) = share
    least, most : float32, shape (K,), over all positions
    positions : that were counted
    error : relative error of the levels, from above; 0 where they are exact
    """

    level: Tensor
    least: Tensor
    most: Tensor
    positions: int
    error: float

    @property
    def dead(self) -> Tensor:
        """(K,) bool: the same value everywhere."""
        return self.most <= self.least

    @property
    def states(self) -> list[str]:
        """Of each unit: 'dead', 'sparse' (its level is its least value), 'saturated' (its level
        is its largest value, so that more than the share may reach it), or 'ok'."""
        flags = (self.dead, self.level <= self.least, self.level >= self.most)
        columns = zip(*(flag.tolist() for flag in flags), strict=True)
        names = ("dead", "sparse", "saturated")
        return [
            next((name for name, on in zip(names, row, strict=True) if on), "ok") for row in columns
        ]


class TopActivations:
    """Exact: keeps the largest activations of each unit, as many as the share can reach.

    units : K
    share : of the positions above the level, in (0, 1)
    most_positions : no more than these will be given
    """

    def __init__(self, units: int, share: float, most_positions: int) -> None:
        self.share = share
        self._kept = rank_of(share, most_positions) + 1
        self._waiting = [torch.empty(units, 0)]
        self._positions = 0
        self._range = _Range(units)

    def update(self, activations: Tensor) -> None:
        """activations : (N, K, H, W) float32, finite"""
        values = _by_unit(activations)
        self._positions += values.shape[1]
        self._range = self._range.with_values(values)
        self._take([*self._waiting, values])

    def merge(self, other: "TopActivations") -> None:
        """Take in what another of the same units and share has seen."""
        self._positions += other._positions
        self._range = self._range.with_range(other._range)
        self._take([*self._waiting, *other._waiting])

    def compute(self) -> Thresholds:
        """The (floor(share * positions) + 1)-th largest activation of each unit."""
        place = rank_of(self.share, self._positions)
        level = torch.cat(self._waiting, dim=1).topk(place + 1, dim=1).values[:, place]
        return Thresholds(level, self._range.least, self._range.most, self._positions, 0.0)

    def _take(self, parts: list[Tensor]) -> None:
        # Sorted out only when twice as many wait: the cost of a value then knows no length.
        if sum(part.shape[1] for part in parts) > 2 * max(self._kept, 2048):
            parts = [torch.cat(parts, dim=1).topk(self._kept, dim=1).values]
        self._waiting = parts


class ActivationHistogram:
    """A sketch of a fixed size: counts in bins of equal width relative to the value, so that a
    level is too high by at most `SKETCH_ERROR` of itself.

    units, share : as for `TopActivations`
    """

    def __init__(self, units: int, share: float) -> None:
        self.share = share
        self._counts = torch.zeros(units, _BINS, dtype=torch.int64)
        self._range = _Range(units)

    def update(self, activations: Tensor) -> None:
        """activations : (N, K, H, W) float32, finite"""
        values = _by_unit(activations)
        self._range = self._range.with_values(values)
        bins = (_ordered_bits(values) >> (32 - _BITS)) + _BINS // 2
        self._counts.scatter_add_(1, bins.long(), torch.ones_like(bins, dtype=torch.int64))

    def merge(self, other: "ActivationHistogram") -> None:
        """Take in what another of the same units and share has seen."""
        self._counts = self._counts + other._counts
        self._range = self._range.with_range(other._range)

    def compute(self) -> Thresholds:
        """The upper edge of the bin of the (floor(share * positions) + 1)-th largest."""
        positions = int(self._counts[0].sum())
        from_top = self._counts.flip(1).cumsum(1)
        place = _BINS - 1 - (from_top <= rank_of(self.share, positions)).sum(dim=1)
        bits = (place + 1 - _BINS // 2) << (32 - _BITS)
        level = torch.minimum(_value_of_bits(bits.to(torch.int32)), self._range.most)
        return Thresholds(level, self._range.least, self._range.most, positions, SKETCH_ERROR)


def rank_of(share: float, positions: int) -> int:
    """How many of the positions may lie above the level."""
    return math.floor(share * positions + 1e-9)  # 0.005 * 600 is less than 3 in floating point


def thresholds_for(
    units: int, share: float, most_positions: int, exact_bytes: int = EXACT_BYTES
) -> TopActivations | ActivationHistogram:
    """The exact levels where their memory allows, else the sketch."""
    needed = 4 * units * 3 * (rank_of(share, most_positions) + 1)
    if needed > exact_bytes:
        return ActivationHistogram(units, share)
    return TopActivations(units, share, most_positions)


class _Range:
    """Least and largest value of each unit."""

    def __init__(self, units: int) -> None:
        self.least, self.most = torch.full((units,), torch.inf), torch.full((units,), -torch.inf)

    def with_values(self, values: Tensor) -> "_Range":
        found = _Range(len(values))
        if values.shape[1]:
            found.least, found.most = values.amin(dim=1), values.amax(dim=1)
        return self.with_range(found)

    def with_range(self, other: "_Range") -> "_Range":
        found = _Range(len(self.least))
        found.least = torch.minimum(self.least, other.least)
        found.most = torch.maximum(self.most, other.most)
        return found


def _by_unit(activations: Tensor) -> Tensor:
    """(K, N H W) float32 in main memory"""
    return activations.detach().transpose(0, 1).flatten(1).float().cpu()


def _ordered_bits(values: Tensor) -> Tensor:
    """int32 of the same order as the float32 values; -0 and 0 are one."""
    bits = (values + 0.0).contiguous().view(torch.int32)
    return torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits)


def _value_of_bits(bits: Tensor) -> Tensor:
    return torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).view(torch.float32)
