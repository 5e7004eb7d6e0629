"""The conformance table of the methods with extra forwards holds what its text claims."""

import pytest

from tests.cam_kernels.perturbed_models import SMALL
from tests.conformance import perturbation_methods

# Which peer's formula is the paper's, where nothing is enlarged or the lowest activation is 0.
AGREE = {
    ("scorecam", "vgg_like", "pytorch-grad-cam"),
    ("scorecam", "vgg_like", "torchcam"),
    ("sscam", "vgg_like", "torchcam"),
    ("ablationcam", "plain_cnn", "pytorch-grad-cam"),
    ("ablationcam", "residual", "pytorch-grad-cam"),
    ("ablationcam", "vgg_like", "pytorch-grad-cam"),
    ("ablationcam, closed form", "plain_cnn", "pytorch-grad-cam"),
}


def test_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perturbation_methods, "CASES", SMALL)
    seen = set()
    for method, name, own, from_peers in perturbation_methods.rows():
        assert own < 2e-5, (method, name)
        seen |= {(method, name, peer) for peer, size in from_peers.items() if size < 1e-5}
    assert seen >= AGREE


def test_each_departure_is_larger_than_rounding() -> None:
    for peer, what, size in perturbation_methods.departures():
        assert size > 1e-3, (peer, what)
