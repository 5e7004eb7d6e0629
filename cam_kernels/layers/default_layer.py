"""Which layer to explain where none is asked for."""

from torch import Tensor, nn

from cam_kernels.layers.gradient_reach import reached_by_gradient
from cam_kernels.layers.grid_layout import GridLayout
from cam_kernels.layers.target_layer import SpatialLayer

# Modules that only pass on, pool or drop what the layer before them found.
_PASS_ON = (
    nn.Dropout,
    nn.Dropout2d,
    nn.Identity,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
)

# Noise at full contrast is nothing that a model was trained on: it turned off every unit of a small
# VGG's hidden layers, behind which no gradient is left.
_CONTRASTS = (1.0, 0.3, 0.1)


def default_target_layer(
    layers: list[SpatialLayer], num_classes: int, model: nn.Module, images: Tensor
) -> str:
    """The last layer with a grid, as Grad-CAM advises (section 3, arXiv:1610.02391), whose
    cells the logits have a gradient at.

    Pooling, dropout, identity and mere changes of shape are passed over, and so are layers with
    one channel per class, which are the classifier's own maps (as SqueezeNet has them). Where
    the channels stand last, a block or norm is preferred to a linear layer or activation.

    images : Tensor, shape (N, C, H, W), as the model takes them

    Raises: ValueError where no layer qualifies.
    """
    candidates = [
        layer
        for layer in layers
        if not isinstance(model.get_submodule(layer.name), _PASS_ON)
        and (layer.channels != num_classes or layer.layout.kind != "channels_first")
    ]
    layouts = {layer.name: layer.layout for layer in candidates}
    reached = _reached(model, layouts, images) if layouts else set()
    candidates = [layer for layer in candidates if layer.name in reached]
    whole = [at for at in candidates if _is_whole(model.get_submodule(at.name), at.layout)]
    if not candidates:
        raise ValueError(
            "no layer of the model puts out a grid of cells that the logits depend on; expected "
            "at least one convolutional layer, or block of patch tokens, before the pooling. If "
            "there is one, and noise alone leaves the model cold, name it as the target layer"
        )
    return (whole or candidates)[-1].name


def _reached(model: nn.Module, layouts: dict[str, GridLayout], images: Tensor) -> set[str]:
    for contrast in _CONTRASTS:
        if reached := reached_by_gradient(model, layouts, contrast * images):
            return reached
    return set()


def _is_whole(module: nn.Module, layout: GridLayout) -> bool:
    """Whether a layer is no linear layer or activation of a block with the channels last."""
    if layout.kind == "channels_first" or any(True for _ in module.children()):
        return True
    sizes = [parameter.numel() for parameter in module.parameters()]
    return bool(sizes) and all(size == layout.channels for size in sizes)  # a norm's
