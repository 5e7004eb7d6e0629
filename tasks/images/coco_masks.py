"""Object masks from the segments of a COCO json."""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.errors import AuditError
from tasks.given_json import parse_json
from tasks.images.file_state import file_state
from tasks.images.opening import open_uri

_SIGN = ".json#"
_LARGEST_SIDE = 2**15


def is_coco_mask(uri: str) -> bool:
    """Whether a mask's uri points into a COCO json."""
    return _SIGN in uri


def read_coco_mask(uri: str) -> npt.NDArray[np.bool_]:
    """The union of the segments of one image: polygons or uncompressed run lengths.

    uri : FILE.json#IMAGE_ID

    Returns: bool, shape (height, width), as the COCO file states them.

    Raises: ValueError for a segment or a size of another kind.
    """
    shape, annotations, _ = _of_image(uri)
    return _union(annotations, shape)


def read_named_coco_masks(uri: str) -> dict[str, npt.NDArray[np.bool_]]:
    """The union of the segments of each category of one image, by the category's name.

    Segments of a category that the file does not name are left out.

    uri, Returns, Raises : as `read_coco_mask`
    """
    shape, annotations, categories = _of_image(uri)
    named: dict[str, list[dict[str, Any]]] = {}
    for annotation in annotations:
        name = categories.get(annotation.get("category_id"))
        if name and annotation.get("segmentation"):
            named.setdefault(name, []).append(annotation)
    return {name: _union(of_name, shape) for name, of_name in named.items()}


def category_names(content: dict[str, Any]) -> dict[Any, str]:
    """The name of each category of a COCO json by its id; those without one are left out."""
    named = [each for each in content.get("categories") or [] if isinstance(each, dict)]
    names = {each.get("id"): str(each.get("name") or "").strip() for each in named}
    return {category_id: name for category_id, name in names.items() if name}


def _of_image(uri: str) -> tuple[tuple[int, int], list[dict[str, Any]], dict[Any, str]]:
    """Height and width, annotations, and the names of the file's categories."""
    file, image_id = uri.rsplit("#", 1)
    by_image, categories = _by_image(file, file_state(file)[1])
    image, annotations = by_image[image_id]
    height: Any = image.get("height")
    width: Any = image.get("width")
    if not (_is_side(height) and _is_side(width)):
        raise ValueError(f"the mask has height {height!r} and width {width!r}")
    return (height, width), annotations, categories


def _union(annotations: list[dict[str, Any]], shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    mask = np.zeros(shape, dtype=bool)
    for annotation in annotations:
        segments = annotation.get("segmentation")
        if isinstance(segments, list):
            for polygon in segments:
                mask |= _polygon(polygon, mask.shape)
        elif isinstance(segments, dict) and isinstance(segments.get("counts"), list):
            mask |= _run_lengths(segments["counts"], mask.shape)
        elif segments:
            raise ValueError("compressed run lengths are not read; store polygons or plain counts")
    return mask


def _is_side(value: Any) -> bool:
    return isinstance(value, int) and 0 < value <= _LARGEST_SIDE


def _polygon(edges: list[float], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """The pixels whose centres lie in the polygon, by the even-odd rule."""
    try:
        points = np.array(edges, dtype=np.float64).reshape(-1, 2) - 0.5
    except TypeError as error:
        raise ValueError(f"a polygon holds more than numbers: {error}") from error
    if len(points) < 3 or not np.isfinite(points).all():
        raise ValueError("a polygon needs three points of finite numbers")
    height, width = shape
    crossed = np.zeros((height, width + 1), dtype=bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        top, bottom = np.clip(np.ceil(sorted((y0, y1))), 0, height).astype(int)
        row = np.arange(top, bottom)
        x = x0 + (row - y0) * (x1 - x0) / (y1 - y0)
        crossed[row, np.clip(np.ceil(x), 0, width).astype(int)] ^= True
    return np.logical_xor.accumulate(crossed, axis=1)[:, :width]


def _run_lengths(counts: list[int], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """COCO runs go down the columns, background first."""
    if not all(isinstance(run, int) and run >= 0 for run in counts):
        raise ValueError("run lengths are not whole numbers from 0")
    if sum(counts) != shape[0] * shape[1]:
        raise ValueError(f"run lengths of {sum(counts)} pixels in a mask of {shape[0] * shape[1]}")
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(shape[1], shape[0]).T


@functools.lru_cache(maxsize=2)
def _by_image(
    file: str, _state: str
) -> tuple[dict[str, tuple[dict[str, Any], list[dict[str, Any]]]], dict[Any, str]]:
    content = read_coco(file)
    table: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
        str(image["id"]): (image, []) for image in content["images"]
    }
    for annotation in content["annotations"]:
        if str(annotation["image_id"]) in table:
            table[str(annotation["image_id"])][1].append(annotation)
    return table, category_names(content)


def read_coco(file: str) -> dict[str, Any]:
    """The content of a COCO json. Raises: AuditError."""
    try:
        with open_uri(file) as stream:
            content: dict[str, Any] = parse_json(stream.read())
    except (OSError, ValueError) as error:
        raise AuditError(f"annotations {file} cannot be read as JSON: {error}") from error
    return content
