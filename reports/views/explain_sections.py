"""The sections of the page of `camaudit explain`."""

from dataclasses import dataclass

from reports.model_view import encode_jpeg
from reports.views.explain_plates import (
    GridPicture,
    PictureFolder,
    Plate,
    common_limit,
    concept_plates,
    grid_picture,
    map_plate,
    pixel_plate,
    sanity_plates,
)
from reports.views.feature_grids import feature_grid
from reports.views.kernel_grids import colour_kernels, kernel_slices
from tasks.views.explanation import ClassFact, ExplainedImage, Kernels, UnitMaps


@dataclass(frozen=True)
class ClassSection:
    """of : the class; methods and pixels: its pictures"""

    of: ClassFact
    methods: list[Plate]
    pixels: list[Plate]


@dataclass(frozen=True)
class FeatureSection:
    """own and common : the same maps on a scale of each and on one for all"""

    maps: UnitMaps
    own: GridPicture
    common: GridPicture


@dataclass(frozen=True)
class KernelSection:
    """coloured : the kernels see red, green and blue"""

    kernels: Kernels
    coloured: bool
    own: GridPicture
    common: GridPicture


@dataclass(frozen=True)
class ImageSection:
    """view : path of the picture of what the model saw
    top : the classes with their maps on one scale, whose strongest colour is `limit`
    """

    number: int
    image: ExplainedImage
    view: str
    top: list[tuple[ClassFact, Plate]]
    limit: float
    classes: list[ClassSection]
    concepts: list[Plate]
    sanity: list[tuple[str, bool, list[Plate]]]
    features: list[FeatureSection]


def draw_image(files: PictureFolder, number: int, image: ExplainedImage) -> ImageSection:
    """Write all pictures of one image."""
    limit = common_limit(image.top_maps)
    return ImageSection(
        number=number,
        image=image,
        view=files.add(encode_jpeg(image.view), "jpg"),
        top=[
            (of, map_plate(files, heatmap, limit))
            for of, heatmap in zip(image.top, image.top_maps, strict=True)
        ],
        limit=limit,
        classes=[
            ClassSection(
                each.of,
                [map_plate(files, heatmap, float("nan")) for heatmap in each.methods],
                [pixel_plate(files, view) for view in each.pixels],
            )
            for each in image.classes
        ],
        concepts=concept_plates(files, image.concepts) if image.concepts else [],
        sanity=[(row.title, row.absolute, sanity_plates(files, row)) for row in image.sanity],
        features=[_draw_features(files, maps) for maps in image.features],
    )


def draw_kernels(files: PictureFolder, kernels: Kernels) -> KernelSection:
    """Write the weights of one layer, on a scale of each unit and on one for all."""
    weights = kernels.weights
    coloured = weights.shape[1] == 3
    labelled = kernels.units if coloured or weights.shape[1] == 1 else ()
    if coloured:
        grids = [colour_kernels(weights, common=common) for common in (False, True)]
    else:
        units = len(weights)
        grids = [kernel_slices(weights, common=common, units=units) for common in (False, True)]
    own, common = (grid_picture(files, grid, labelled) for grid in grids)
    return KernelSection(kernels, coloured, own, common)


def _draw_features(files: PictureFolder, maps: UnitMaps) -> FeatureSection:
    own, common = (
        grid_picture(files, feature_grid(maps.maps, common=common), maps.units)
        for common in (False, True)
    )
    return FeatureSection(maps, own, common)
