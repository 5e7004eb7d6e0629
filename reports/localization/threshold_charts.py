"""Box accuracy against the threshold, as charts."""

import pandas as pd

from reports.formats import percent
from reports.line_charts import Chart, Line, chart_rows

_CHARTS = (
    ("largest", 0.5, "MaxBoxAcc: largest contour, IoU 0.5"),
    ("any", 0.3, "V2: any contour, IoU 0.3"),
    ("any", 0.5, "V2: any contour, IoU 0.5"),
    ("any", 0.7, "V2: any contour, IoU 0.7"),
)
MAPS, CENTRE = Line("maps", "s0"), Line("centre", "base b0")


def threshold_charts(curves: pd.DataFrame) -> list[Chart]:
    """One for MaxBoxAcc and three for MaxBoxAccV2, the maps' curve above the centre's.

    curves : `localization_curves`
    """
    charts = []
    for contours, iou, title in _CHARTS:
        at_iou = curves[curves["iou"] == iou]
        maps = at_iou[(at_iou["map"] == "label") & (at_iou["contours"] == contours)]
        centre = at_iou[at_iou["map"] == "centre"]
        if not len(maps):
            continue
        rows = chart_rows(pd.DataFrame({"maps": _hits(maps), "centre": _hits(centre)}), 1)
        summary = f"{title}. {_best('The maps', maps)}, {_best('the centre', centre)}."
        axis = "threshold, share of the map’s maximum"
        charts.append(Chart(title, axis, summary, "%", 100, [MAPS, CENTRE], rows))
    return charts


def _hits(curve: pd.DataFrame) -> pd.Series:
    """Per cent of the images, by threshold."""
    at = curve.set_index("threshold")
    return 100 * at["hits"] / at["images"]


def _best(name: str, curve: pd.DataFrame) -> str:
    best = curve.loc[curve["hits"].idxmax()]
    return f"{name} hit in {percent(best['hits'] / best['images'])} at {percent(best['threshold'])}"
