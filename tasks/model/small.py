"""`small`: the network for those who have none yet."""

from tasks.model.loaded import LoadedModel, fill
from tasks.model.names import SMALL
from tasks.model.weights import load_state_dict
from tasks.sample.model import build

# Of ImageNet's photographs, as for nearly all published models.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def load_small(weights: str | None) -> LoadedModel:
    """The sample's residual network with global average pooling; untrained without weights.

    Its grid is an eighth of its input, and class activation maps of it are exact.

    Raises: AuditError for weights that do not fit.
    """
    state = None if weights is None else load_state_dict(weights)
    bias = None if state is None else state.get("head.bias")
    module = build(2 if bias is None else len(bias))
    if state is not None:
        fill(module, state, str(weights), SMALL)
    preprocessing = {
        "resize": 144, "crop": 128, "mean": MEAN, "std": STD, "interpolation": "bilinear",
    }  # fmt: skip
    return LoadedModel(module, preprocessing)
