"""Raw maps of every method equal the restatement's, and each library's except where it departs.

The rows are those of `python -m tests.conformance`.
"""

import pytest

from tests.conformance.method import RESTATED, Difference, Method, differences
from tests.conformance.methods import AGREES, DEPARTURES, METHODS


def measured(method: Method) -> list[Difference]:
    return [d for architecture in method.architectures for d in differences(method, architecture)]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_maps(method: Method) -> None:
    found = measured(method)
    for difference in found:
        if difference.other == RESTATED:
            assert difference.size < 1e-5, difference
        elif (method.name, difference.other) not in DEPARTURES:
            assert difference.size < AGREES, difference
    for name, peer in DEPARTURES:
        if name == method.name:
            assert max(d.size for d in found if d.other == peer) > AGREES, f"{peer} agrees now"


def test_every_departure_is_of_a_row() -> None:
    rows = {(method.name, peer) for method in METHODS for peer in method.peers}
    assert set(DEPARTURES) <= rows
