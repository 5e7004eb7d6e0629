"""Box accuracy against the threshold, as charts."""

import pandas as pd

from reports.faithfulness.line_charts import (
    Chart,
    Line,
    Tick,
    draw_path,
    probability_ticks,
    share_ticks,
)
from reports.formats import percent

_CHARTS = (
    ("largest", 0.5, "MaxBoxAcc: largest contour, IoU 0.5"),
    ("any", 0.3, "V2: any contour, IoU 0.3"),
    ("any", 0.5, "V2: any contour, IoU 0.5"),
    ("any", 0.7, "V2: any contour, IoU 0.7"),
)
MAPS, CENTRE = Line("maps", "s0", ""), Line("centre", "base b0", "")


def threshold_charts(curves: pd.DataFrame) -> list[Chart]:
    """One for MaxBoxAcc and three for MaxBoxAccV2, the centre's curve below the maps'.

    curves : `localization_curves`
    """
    ticks = [Tick(tick.position, f"{100 * float(tick.label):.0f}") for tick in probability_ticks(1)]
    charts = []
    for contours, iou, title in _CHARTS:
        at_iou = curves[curves["iou"] == iou]
        maps = at_iou[(at_iou["map"] == "label") & (at_iou["contours"] == contours)]
        centre = at_iou[at_iou["map"] == "centre"]
        if not len(maps):
            continue
        lines = [_line(CENTRE, centre), _line(MAPS, maps)]
        summary = f"{title}. {_best('The maps', maps)}, {_best('the centre', centre)}."
        axis = "threshold, share of the map’s maximum"
        charts.append(Chart(title, axis, summary, lines, share_ticks(), ticks))
    return charts


def _line(line: Line, curve: pd.DataFrame) -> Line:
    points = list(zip(curve["threshold"], curve["hits"] / curve["images"], strict=True))
    return Line(line.name, line.style, draw_path(points, 1))


def _best(name: str, curve: pd.DataFrame) -> str:
    best = curve.loc[curve["hits"].idxmax()]
    return f"{name} hit in {percent(best['hits'] / best['images'])} at {percent(best['threshold'])}"
