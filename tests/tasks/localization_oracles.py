"""The published evaluation of localisation, restated in plain loops.

After `evaluation.py` of clovaai/wsolevaluation (MIT): all 1000 thresholds one by one, no short cut.
Nothing here imports the code under test.
"""

import cv2
import numpy as np

THRESHOLDS = [i * 0.001 for i in range(1000)]


def iou(box, other) -> float:
    """Of two boxes x0, y0, x1, y1, the last two inclusive."""
    width = max(0, min(box[2], other[2]) - max(box[0], other[0]) + 1)
    height = max(0, min(box[3], other[3]) - max(box[1], other[1]) + 1)
    both = width * height
    areas = [(b[2] - b[0] + 1) * (b[3] - b[1] + 1) for b in (box, other)]
    return both / (sum(areas) - both)


def normalised(grid: np.ndarray, side: int) -> np.ndarray:
    """Enlarged bilinearly between the centres of the cells, pixel by pixel, then min-max."""
    rows, cols = grid.shape

    def weights(cells: int) -> np.ndarray:
        table = np.zeros((side, cells))
        for pixel in range(side):
            place = min(max((pixel + 0.5) * cells / side - 0.5, 0), cells - 1)
            low = min(int(place), max(cells - 2, 0))
            table[pixel, low] += 1 - (place - low)
            table[pixel, min(low + 1, cells - 1)] += place - low
        return table

    enlarged = weights(rows) @ grid @ weights(cols).T
    if np.isnan(enlarged).any() or enlarged.min() == enlarged.max():
        return np.zeros_like(enlarged)
    enlarged = enlarged - enlarged.min()
    return enlarged / enlarged.max()


def boxes_at(scores: np.ndarray, threshold: float, all_contours: bool) -> list[list[int]]:
    """`compute_bboxes_from_scoremaps` at one threshold."""
    height, width = scores.shape
    image = (scores * 255).astype(np.uint8)
    level = int(threshold * int(image.max()))
    _, binary = cv2.threshold(image, level, 255, cv2.THRESH_BINARY)
    contours = cv2.findContours(binary, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)[0]
    if not contours:
        return [[0, 0, 0, 0]]
    if not all_contours:
        contours = [max(contours, key=cv2.contourArea)]
    boxes = []
    for contour in contours:
        x, y, w, h = cv2.boundingRect(contour)
        boxes.append([x, y, min(x + w, width - 1), min(y + h, height - 1)])
    return boxes


def best_ious(scores: np.ndarray, true_boxes, all_contours: bool) -> list[float]:
    """The best match at each of the 1000 thresholds."""
    return [
        max(iou(b, t) for b in boxes_at(scores, threshold, all_contours) for t in true_boxes)
        for threshold in THRESHOLDS
    ]


def max_box_acc(ious_of_images: list[list[float]], wanted: float) -> tuple[float, float]:
    """The best share of images at one threshold for all, and that threshold."""
    shares = [
        sum(ious[i] >= wanted for ious in ious_of_images) / len(ious_of_images)
        for i in range(len(THRESHOLDS))
    ]
    return max(shares), THRESHOLDS[shares.index(max(shares))]


def pxap(score_maps: list[np.ndarray], masks: list[np.ndarray]) -> float:
    """Average precision over the bins [0, .001), ..., [.999, 1), [1, 2), [2, 3)."""
    edges = np.append(np.arange(0, 1, 0.001), [1.0, 2.0, 3.0])
    on = sum(np.histogram(s[m], edges)[0] for s, m in zip(score_maps, masks, strict=True))
    off = sum(np.histogram(s[~m], edges)[0] for s, m in zip(score_maps, masks, strict=True))
    area = true = false = 0.0
    for i in reversed(range(len(edges) - 1)):
        true, false = true + on[i], false + off[i]
        if true + false:
            area += true / (true + false) * on[i] / on.sum()
    return area


def cam_rule(enlarged: np.ndarray) -> list[int] | None:
    """The box of the largest group of pixels above 20 % of the maximum, by flood fill."""
    largest = enlarged.max()
    if not largest > 0:
        return None
    left_over = {(int(r), int(c)) for r, c in np.argwhere(enlarged > 0.2 * largest)}
    groups = []
    while left_over:
        stack, group = [min(left_over)], []
        left_over.discard(stack[0])
        while stack:
            row, col = stack.pop()
            group.append((row, col))
            near = {(row + i, col + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left_over
            left_over -= near
            stack += near
        groups.append(group)
    rows, cols = zip(*max(groups, key=len), strict=True)
    return [min(cols), min(rows), max(cols), max(rows)]
