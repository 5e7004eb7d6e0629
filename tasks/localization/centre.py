"""The centre baseline: what a map that has not seen the image scores by the same code."""

from tasks.localization.boxes import Boxes
from tasks.localization.cam_box import cam_box
from tasks.localization.level_hits import Bools, box_hits, hull_boxes
from tasks.localization.pixel_precision import score_bins
from tasks.localization.score_maps import centre_map, to_bytes


class CentreBaseline:
    """The boxes and bins of the centre map of a view of side x side pixels, computed once.

    box : by the 20 % rule
    bins : int64, shape (side, side), for PixelPrecision
    """

    def __init__(self, side: int) -> None:
        scores = centre_map(side)
        self.box = cam_box(scores)
        self.bins = score_bins(scores)
        self._level_boxes = hull_boxes(to_bytes(scores))

    def hits(self, true_boxes: Boxes) -> Bools:
        """As `level_hits` of the centre map: around one disc there is one contour.

        true_boxes : int64, shape (n, 4), n > 0

        Returns: bool, shape (3, 255).
        """
        return box_hits(self._level_boxes, true_boxes)
