"""What a user may name is what there is."""

from typing import get_args

from cam_kernels.methods.registry import METHODS
from cam_kernels.names import TITLES, VARIANTS, ParametrisationName
from cam_kernels.synthesis.image_parametrisation import PARAMETRISATIONS


def test_every_name_is_known_and_every_method_is_named() -> None:
    assert list(TITLES) == list(METHODS)
    assert set(VARIANTS) < set(METHODS)
    assert get_args(ParametrisationName) == tuple(PARAMETRISATIONS)
