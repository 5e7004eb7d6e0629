"""Which two classes are compared."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cam_kernels.first_pass import compared_classes


@pytest.mark.parametrize(
    "logits, label, expected",
    [
        ([1.0, 3.0, 2.0], 1, (1, 2)),  # right: against the runner-up
        ([1.0, 3.0, 2.0], 0, (1, 0)),  # wrong: against the label
        ([1.0, 3.0, 2.0], -1, (1, 2)),  # no label
        ([5.0, 5.0, 5.0], -1, (0, 1)),  # ties: the lowest index first
        ([1.0, 5.0, 5.0], 2, (1, 2)),  # a tie that the label loses is a mistake
        ([0.0, 1.0], 1, (1, 0)),
        ([0.0, 1.0], 0, (1, 0)),
        ([-1e30, -2e30, -3e30], -1, (0, 1)),
    ],
)
def test_by_hand(logits: list[float], label: int, expected: tuple[int, int]) -> None:
    predicted, against = compared_classes(torch.tensor([logits]), torch.tensor([label]))
    assert (predicted.item(), against.item()) == expected
    assert predicted.dtype == against.dtype == torch.int64


values = st.lists(st.integers(-3, 3), min_size=2, max_size=6)


@given(values, st.integers(-1, 5))
def test_against_a_stable_sort(logits: list[int], label: int) -> None:
    label = min(label, len(logits) - 1)
    order = sorted(range(len(logits)), key=lambda c: (-logits[c], c))
    wrong = label >= 0 and label != order[0]
    predicted, against = compared_classes(torch.tensor([logits]).float(), torch.tensor([label]))
    assert (predicted.item(), against.item()) == (order[0], label if wrong else order[1])
