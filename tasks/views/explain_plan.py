"""What `camaudit explain` will draw: checked against model and images before any work."""

from dataclasses import dataclass

import torch
from torch import Tensor

from cam_kernels.methods.registry import METHODS
from cam_kernels.names import TITLES, VARIANTS
from tasks.config import AuditConfig
from tasks.errors import AuditError
from tasks.images.decoding import ImageSource, UnreadableImage, decode_image
from tasks.images.preprocessing import Preprocessing
from tasks.index.classes import read_classes
from tasks.index.plan import resolve_preprocessing
from tasks.model.loaded import LoadedModel
from tasks.model.loading import load_model
from tasks.model.probe import choose_layer, probe_layers
from tasks.views.class_choice import class_index
from tasks.views.explanation import Missing

SLOW = ("sscam", "iscam")


@dataclass(frozen=True)
class ExplainRequest:
    """What is asked for.

    config : model, preprocessing, `top_k`, `method` and `target_layer` as for an audit, but that
        without a given `method` all are drawn, and that several target layers are fused
    images : uris of pictures, one at least
    classes : names or indices to explain beside the predicted one
    feature_layers : whose feature maps are drawn; default: the first convolution and the target
    slow : the methods of many forwards per unit, too
    sanity : maps under randomised weights
    """

    config: AuditConfig
    images: tuple[str, ...]
    classes: tuple[str, ...] = ()
    feature_layers: tuple[str, ...] = ()
    slow: bool = False
    sanity: bool = True


@dataclass(frozen=True)
class InputPicture:
    """pixels : uint8 Tensor, shape (3, crop, crop): what the model sees"""

    uri: str
    pixels: Tensor


@dataclass(frozen=True)
class ExplainPlan:
    """A model that is loaded, pictures that are read, and names that are known to exist."""

    request: ExplainRequest
    loaded: LoadedModel
    preprocessing: Preprocessing
    names: tuple[str, ...]
    target_layers: tuple[str, ...]
    feature_layers: tuple[str, ...]
    methods: tuple[str, ...]
    left_out: tuple[Missing, ...]
    classes: tuple[int, ...]
    pictures: tuple[InputPicture, ...]

    @property
    def methods_asked_for(self) -> bool:
        """Whether the user named the methods: then one that cannot be had is an error."""
        return "method" in self.request.config.model_fields_set

    def batch(self, picture: InputPicture, device: str) -> Tensor:
        """The model's input: the picture once, or as often as a program of fixed batch takes."""
        images = self.preprocessing.normalise(picture.pixels[None].to(device))
        return images.expand(self.loaded.fixed_batch or 1, -1, -1, -1).contiguous()


def plan_explain(request: ExplainRequest) -> ExplainPlan:
    """Load the model, read the pictures, look up layers and classes.

    Raises: AuditError for anything that cannot work.
    """
    config = request.config
    if not request.images:
        raise AuditError("no image is given; expected one or several picture files")
    loaded = load_model(config.model, config.weights)
    _refuse_broken_weights(loaded, config)
    preprocessing = resolve_preprocessing(loaded, config)
    pictures = tuple(_read(ImageSource(), uri, preprocessing) for uri in request.images)
    layers, num_classes = probe_layers(loaded, preprocessing.crop, config.model)
    names = _class_names(loaded, config, num_classes)

    def layer(wanted: str | None) -> str:
        return choose_layer(
            layers, wanted, num_classes, loaded, preprocessing.crop, config.model
        ).name

    wanted = [part.strip() for part in (config.target_layer or "").split(",") if part.strip()]
    targets = tuple(dict.fromkeys(layer(name) for name in wanted)) or (layer(None),)
    features = tuple(dict.fromkeys(layer(name) for name in request.feature_layers))
    methods, left_out = _methods(request)
    return ExplainPlan(
        request=request,
        loaded=loaded,
        preprocessing=preprocessing,
        names=names,
        target_layers=targets,
        feature_layers=features or _default_features(loaded, [x.name for x in layers], targets),
        methods=methods,
        left_out=left_out,
        classes=tuple(dict.fromkeys(class_index(text, names) for text in request.classes)),
        pictures=pictures,
    )


def _methods(request: ExplainRequest) -> tuple[tuple[str, ...], tuple[Missing, ...]]:
    if "method" in request.config.model_fields_set:
        return request.config.methods, ()
    skipped = () if request.slow else SLOW
    methods = tuple(name for name in METHODS if name not in (*skipped, *VARIANTS))
    return methods, tuple(
        Missing(TITLES[name], f"takes {METHODS[name].forwards}; --slow draws it")
        for name in skipped
    )


def _class_names(loaded: LoadedModel, config: AuditConfig, num_classes: int) -> tuple[str, ...]:
    categories = list(loaded.categories) or [f"class {i}" for i in range(num_classes)]
    return read_classes(config.classes, categories).names if config.classes else tuple(categories)


def _default_features(
    loaded: LoadedModel, layers: list[str], targets: tuple[str, ...]
) -> tuple[str, ...]:
    kernels = {
        name.removesuffix(".weight")
        for name, parameter in loaded.module.named_parameters()
        if name.endswith(".weight") and parameter.ndim == 4
    }
    first = [name for name in layers if name in kernels][:1]
    return tuple(dict.fromkeys([*first, *targets]))


def _read(source: ImageSource, uri: str, preprocessing: Preprocessing) -> InputPicture:
    try:
        pixels, _ = preprocessing.cut(decode_image(source.read(uri)))
    except UnreadableImage as error:
        raise AuditError(
            f"image {uri} cannot be explained: {error}; expected a picture file (JPEG, PNG, WebP "
            "and what else OpenCV reads). Give another file"
        ) from error
    return InputPicture(uri, pixels)


def _refuse_broken_weights(loaded: LoadedModel, config: AuditConfig) -> None:
    for name, parameter in loaded.module.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            raise AuditError(
                f"parameter {name!r} of {config.model} holds NaN or infinite values, so the model "
                "says nothing about any image; expected finite weights. Give others with --weights"
            )
