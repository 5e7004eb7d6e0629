"""All rows of the table, and where a library is known to depart, with the reason.

To add a family, put its rows in a file of its own beside `gradient_methods.py` and append them
to `METHODS`; for each peer that differs by more than `AGREES`, add the reason to `DEPARTURES`.
"""

from tests.conformance.gradient_methods import GRADIENT_METHODS, PGC, TORCHCAM
from tests.conformance.method import Method

# Relative to the largest value of the map: float32 through a whole network.
AGREES = 1e-3


METHODS: tuple[Method, ...] = (*GRADIENT_METHODS,)

_IN_PLACE = (
    "only where an in-place ReLU follows the layer: its output is kept without a copy, so "
    "activations are those after the ReLU"
)
_CENTRED = "each channel's mean over positions is taken away before the decomposition"
_SOFTMAX = (
    "the similar classes are weighted by their probabilities, and the gradient runs through "
    "these weights"
)

# (method, peer): why it differs
DEPARTURES: dict[tuple[str, str], str] = {
    ("gradcam", PGC): f"{_IN_PLACE}, the gradients those before it",
    ("gradcam", TORCHCAM): f"{_IN_PLACE}, and so are the gradients: the map is another layer's",
    ("gradcam++", PGC): "1e-6 below the line outweighs 2 g^2 for gradients below about 1e-3",
    ("gradcam++", TORCHCAM): (
        "alpha is divided in a copy and stays g^2: the weights are sum relu(g)^3"
    ),
    ("eigencam", PGC): f"{_CENTRED}; the sign is arbitrary",
    ("eigencam", f"{PGC}, sign set"): _CENTRED,
    ("eigen-gradcam", PGC): f"no paper; {_CENTRED}; the sign is arbitrary",
    ("eigen-gradcam", f"{PGC}, sign set"): f"no paper; {_CENTRED}",
    ("finercam", PGC): f"{_SOFTMAX}; strength 1 by default, not 0.6",
    ("finercam", f"{PGC}, alpha 0.6"): _SOFTMAX,
    ("fullgrad", PGC): (
        "each channel is rescaled by itself, not all of a layer together; corners not aligned"
    ),
}
