"""The precision in which sums are computed."""

import torch
from torch import Tensor


def widened(tensor: Tensor) -> Tensor:
    """The tensor in float32 where it is of half precision, otherwise as it is.

    A sum of thousands of bfloat16 values has two or three digits; a bfloat16 input that is
    widened first loses only what its own rounding has lost.
    """
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor
