"""Pictures of the classes that the page shows: the region of a map and the objects beside it."""

from typing import Any

from tasks.images.decoding import ImageSource, UnreadableImage
from tasks.images.geometry import Placement, place
from tasks.images.named_objects import NamedObject, named_objects
from tasks.informative_objects.class_objects import ClassObjects, SceneObject, ScenePicture
from tasks.informative_objects.map_regions import covered, enlarged, high_region
from tasks.informative_objects.plan import ObjectsPlan

SHOWN_CLASSES = 60


def shown_classes(classes: list[ClassObjects]) -> list[int]:
    """class_idx of those of the most images that have an object, in the order of class_idx."""
    with_objects = [each for each in classes if each.objects]
    chosen = sorted(with_objects, key=lambda each: (-each.images, each.class_idx))[:SHOWN_CLASSES]
    return sorted(each.class_idx for each in chosen)


def draw_scenes(plan: ObjectsPlan, classes: list[ClassObjects]) -> dict[int, list[ScenePicture]]:
    """By class_idx, the images of the highest probability, of equal ones by image_id. An image
    whose objects can no longer be read, or none of whose objects lies in the view, is left out."""
    source = ImageSource()
    by_class: dict[int, list[dict[str, Any]]] = {each: [] for each in shown_classes(classes)}
    for row in sorted(plan.rows, key=lambda row: (-row["probability"], row["image_id"])):
        if row["predicted"] in by_class:
            by_class[row["predicted"]].append(row)
    pictures: dict[int, list[ScenePicture]] = {}
    for class_idx, rows in by_class.items():
        own = pictures.setdefault(class_idx, [])
        for row in rows:
            if len(own) == plan.options.pictures:
                break
            own += _picture(plan, row, source)
    return pictures


def _picture(plan: ObjectsPlan, row: dict[str, Any], source: ImageSource) -> list[ScenePicture]:
    placement = placement_of(plan, row)
    try:
        objects = objects_of(plan, row, source)
    except UnreadableImage:
        return []
    region = high_region(enlarged(plan.maps[row["image_id"]], placement.crop), plan.options.share)
    found = [
        SceneObject(each.name, each.inside, covered(region, each.inside))
        for each in objects
        if each.inside.any()
    ]
    picture = ScenePicture(row["image_id"], row["uri"], placement, region, found)
    return [picture] if found else []


def placement_of(plan: ObjectsPlan, row: dict[str, Any]) -> Placement:
    """Where the model's view lies in an image.

    row : with width and height
    """
    cut = plan.facts["preprocessing"]
    return place(row["width"], row["height"], cut["resize"], cut["crop"])


def objects_of(plan: ObjectsPlan, row: dict[str, Any], source: ImageSource) -> list[NamedObject]:
    """The named objects of an image. Raises: UnreadableImage for a mask."""
    return named_objects(row, placement_of(plan, row), plan.facts["classes"], source)
