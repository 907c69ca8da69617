"""Learning curves as a figure: labelled rows, or seconds of training, against the score, with bands."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from promptsci.report.numbers import duration, score
from promptsci.report.svg import Drawing, Scale, decade_ticks, from_zero_log, round_ticks
from promptsci.report.terminal import metric_name

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640.0, 340.0, 56.0, 490.0, 26.0, 292.0
SERIES = 6
"""Colours that figures.css has for curves."""

Point = Mapping[str, Any]


def curve_plot(curve: Mapping[str, Any]) -> Drawing:
    """Score against labelled rows, a line and a band a method.

    Args:
        curve: learning curves as their ``to_json`` gives them.
    """
    sizes = sorted({point["size"] for points in curve["points"].values() for point in points})
    x = Scale(sizes[0], sizes[-1], LEFT + 12, RIGHT - 12, math.log)
    drawing = _drawn(curve, "labelled rows", lambda point: x(point["size"]))
    last = -math.inf
    for size in sizes:
        if x(size) - last > 34:
            drawing.text(x(size), BOTTOM + 18, f"{size:,}", "faint small middle")
            last = x(size)
    return drawing


def cost_curve_plot(curve: Mapping[str, Any]) -> Drawing | None:
    """Score against seconds of training; None where nothing was trained."""
    spent = [point["training_s"] for points in curve["points"].values() for point in points]
    if max(spent) <= 0:
        return None
    ticks = decade_ticks(min(spent), max(spent))
    x = Scale(ticks[0], ticks[-1], LEFT + 12, RIGHT - 12, from_zero_log)
    drawing = _drawn(curve, "time of training", lambda point: x(point["training_s"]))
    for tick in ticks:
        drawing.text(x(tick), BOTTOM + 18, duration(tick), "faint small middle")
    return drawing


def _drawn(curve: Mapping[str, Any], axis: str, x: Callable[[Point], float]) -> Drawing:
    metric = curve["metric"]
    shown = [point for points in curve["points"].values() for point in points]
    drawing = Drawing(WIDTH, HEIGHT, f"{metric_name(metric)} of each method against {axis}")
    ticks = round_ticks(min(point["low"] for point in shown), max(point["high"] for point in shown))
    y = Scale(ticks[0], ticks[-1], BOTTOM, TOP)
    for tick in ticks:
        drawing.line(LEFT, y(tick), RIGHT, y(tick), "grid")
        drawing.text(LEFT - 8, y(tick) + 4, score(tick, metric, short=True), "faint small end")
    drawing.text(4, 14, metric_name(metric), "faint small")
    drawing.text((LEFT + RIGHT) / 2, BOTTOM + 38, axis, "faint small middle")
    for number, points in enumerate(curve["points"].values()):
        _series(drawing, points, f"s{number % SERIES}", x, y)
    _names(drawing, curve["points"], y)
    return drawing


def _series(drawing: Drawing, points: Sequence[Point], kind: str, x: Callable[[Point], float], y: Scale) -> None:
    """A band, a line and dots."""
    upper = [(x(point), y(point["high"])) for point in points]
    lower = [(x(point), y(point["low"])) for point in reversed(points)]
    if len(points) > 1:
        drawing.area(upper + lower, f"band {kind}")
        drawing.path([(x(point), y(point["value"])) for point in points], kind)
    for point in points:
        drawing.circle(x(point), y(point["value"]), 3, kind)


def _names(drawing: Drawing, curves: Mapping[str, Sequence[Point]], y: Scale) -> None:
    """Each method's name beside the end of its curve, moved down where names would lie on each other."""
    ends = sorted((y(points[-1]["value"]), number, name) for number, (name, points) in enumerate(curves.items()))
    last = -math.inf
    for height, number, name in ends:
        last = max(height + 4, last + 15)
        drawing.text(RIGHT + 8, last, name, f"s{number % SERIES}")
