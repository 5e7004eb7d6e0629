"""Models by where they come from; random or published weights, or those of a file."""

from tasks.errors import AuditError
from tasks.model.loaded import LoadedModel
from tasks.model.names import SMALL
from tasks.model.own import load_exported, load_python_file
from tasks.model.published import load_timm, load_torchvision
from tasks.model.small import load_small


def load_source(spec: str, weights: str | None, *, untrained: bool = False) -> LoadedModel:
    """`torchvision:NAME`, `timm:NAME`, `FILE.py:FUNCTION`, an exported program or `small`.

    weights, untrained : as of `load_model`

    Raises: AuditError for an unknown model and for weights that do not fit.
    """
    source, _, name = spec.partition(":")
    if spec == SMALL:
        return load_small(weights)
    if source == "torchvision":
        return load_torchvision(name, weights, untrained)
    if source == "timm":
        return load_timm(name, weights, untrained)
    if ".py:" in spec:
        return load_python_file(spec, weights)
    if spec.endswith(".pt2"):
        return load_exported(spec, weights)
    raise AuditError(
        f"model {spec!r} is of no known kind; expected torchvision:NAME, timm:NAME, "
        "path/to/model.py:FUNCTION, path/to/program.pt2, small, or a folder that "
        "'camaudit train' wrote"
    )
