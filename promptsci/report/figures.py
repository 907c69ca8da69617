"""The figures of a comparison, as SVG: intervals, differences, score against cost, reliability, risk and coverage."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from promptsci.compare import Comparison, Difference, Method, Published
from promptsci.report.numbers import interval, quantity, score
from promptsci.report.svg import Drawing, Scale, decade_ticks, from_zero_log, round_ticks
from promptsci.score import ReliabilityBin

WIDTH, LEFT, RIGHT = 460.0, 8.0, 452.0
ROW, TOP, FOOT = 38.0, 6.0, 26.0
COSTS: dict[str, str] = {
    "labels": "labelled examples used",
    "seconds_per_1000": "seconds of scoring for 1,000 rows",
    "tokens_per_1000": "tokens computed for 1,000 rows",
    "training_s": "seconds of training",
}


def standing(method: Method) -> str:
    """How a method is drawn: ``best``, ``open`` (not told apart from the best) or ``shown`` (shown to be worse)."""
    if method.rank == 1:
        return "best"
    return "open" if method.tied else "shown"


def interval_plot(comparison: Comparison) -> Drawing:
    """Each method's main metric with its interval, and a small ring for each of its runs."""
    main = comparison.main
    published = [row for row in comparison.published if row.comparable]
    values = [number for method in comparison.methods for number in _extent(method, main)]
    values += [row.value for row in published]
    title = f"{main} of each method with its 95 % interval"
    drawing, x = _plot(len(comparison.methods) + len(published), values, title, main)
    for place, method in enumerate(comparison.methods):
        _method_row(drawing, x, TOP + ROW * place, method, main)
    for place, row in enumerate(published, start=len(comparison.methods)):
        _published_row(drawing, x, TOP + ROW * place, row)
    return drawing


def _method_row(drawing: Drawing, x: Scale, top: float, method: Method, main: str) -> None:
    found, kind = method.metrics[main], standing(method)
    _names(drawing, top, method.name, interval(found, main))
    y = top + 27
    drawing.line(x(found.low), y, x(found.high), y, f"interval {kind}")
    if len(method.runs) > 1:
        for run in method.runs:
            drawing.circle(x(run.metrics[main]), y, 3, f"run {kind}")
    drawing.circle(x(found.value), y, 5, kind)


def _published_row(drawing: Drawing, x: Scale, top: float, row: Published) -> None:
    _names(drawing, top, f"{row.method} (published)", score(row.value, row.metric))
    drawing.rectangle(x(row.value) - 4, top + 23, 8, 8, "published")


def difference_plot(differences: Sequence[Difference], main: str, other: str) -> Drawing:
    """Each method's difference to one other method, with its interval; a ring where the data show none."""
    values = [0.0, *(number for one in differences for number in (one.value.low, one.value.high))]
    drawing, x = _plot(len(differences), values, f"difference in {main} to {other}, 95 % interval", main)
    drawing.line(x(0), TOP, x(0), TOP + ROW * len(differences), "zero")
    for place, one in enumerate(differences):
        top = TOP + ROW * place
        kind = ("best" if one.value.value > 0 else "shown") if one.shown else "open"
        _names(drawing, top, one.a, interval(one.value, main, signed=True))
        drawing.line(x(one.value.low), top + 27, x(one.value.high), top + 27, f"interval {kind}")
        drawing.circle(x(one.value.value), top + 27, 5, kind)
    return drawing


def _extent(method: Method, main: str) -> list[float]:
    found = method.metrics[main]
    return [found.low, found.high, *(run.metrics[main] for run in method.runs)]


def _plot(rows: int, values: Sequence[float], title: str, metric: str) -> tuple[Drawing, Scale]:
    """An empty plot with room for rows, its grid drawn, and its horizontal scale."""
    drawing = Drawing(WIDTH, TOP + ROW * rows + FOOT, title)
    ticks = round_ticks(min(values), max(values))
    x = Scale(ticks[0], ticks[-1], LEFT + 10, RIGHT - 14)
    bottom = TOP + ROW * rows
    for tick in ticks:
        drawing.line(x(tick), TOP, x(tick), bottom, "grid")
        drawing.text(x(tick), bottom + 16, score(tick, metric, short=True), "faint small middle")
    return drawing, x


def _names(drawing: Drawing, top: float, left: str, right: str) -> None:
    room = 46 - len(right)
    drawing.text(LEFT, top + 14, left if len(left) <= room else left[: room - 1] + "…", "strong")
    drawing.text(RIGHT, top + 14, right, "faint end")


def cost_plot(comparison: Comparison, cost: str) -> Drawing | None:
    """Score against one cost, a numbered disc a method; None where fewer than two methods differ in it.

    Args:
        comparison: the methods; a disc bears the method's rank.
        cost: a field of Cost, a key of COSTS.
    """
    known = [(method, getattr(method.cost, cost)) for method in comparison.methods]
    points = {method.rank: (method, float(paid)) for method, paid in known if paid is not None}
    if len({paid for _, paid in points.values()}) < 2:
        return None
    main = comparison.main
    drawing = Drawing(WIDTH, 260, f"{main} against {COSTS[cost]}")
    spent = [paid for _, paid in points.values()]
    ticks = decade_ticks(min(spent), max(spent))
    x = Scale(ticks[0], ticks[-1], LEFT + 58, RIGHT - 24, from_zero_log)
    scores = [end for method, _ in points.values() for end in (method.metrics[main].low, method.metrics[main].high)]
    y = _upright(drawing, scores, main, bottom=216)
    for tick in ticks:
        drawing.line(x(tick), 12, x(tick), 216, "grid")
        drawing.text(x(tick), 232, quantity(tick), "faint small middle")
    drawing.text((LEFT + RIGHT) / 2, 252, COSTS[cost], "faint small middle")
    placed = _apart([(x(points[rank][1]), y(points[rank][0].metrics[main].value)) for rank in sorted(points)])
    for rank, (across, up) in zip(sorted(points), placed, strict=True):
        found, kind = points[rank][0].metrics[main], "best" if rank == 1 else "plain"
        drawing.line(across, y(found.low), across, y(found.high), f"interval {kind}")
        drawing.circle(across, up, 8, kind)
        drawing.text(across, up + 3.5, str(rank), "inside")
    return drawing


def _apart(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points, each moved towards the middle until its disc and its interval are clear of those before it."""
    placed: list[tuple[float, float]] = []
    for x, y in points:
        step = 1.0 if x < WIDTH / 2 else -1.0
        while any(abs(x - other) < (17 if abs(y - height) < 17 else 5) for other, height in placed):
            x += step  # noqa: PLW2901 - the point moves
        placed.append((x, y))
    return placed


def _upright(drawing: Drawing, values: Sequence[float], metric: str, *, bottom: float) -> Scale:
    """The vertical scale of a plot, its grid drawn."""
    ticks = round_ticks(min(values), max(values), 4)
    y = Scale(ticks[0], ticks[-1], bottom, 12)
    for tick in ticks:
        drawing.line(LEFT + 44, y(tick), RIGHT - 14, y(tick), "grid")
        drawing.text(LEFT + 36, y(tick) + 4, score(tick, metric, short=True), "faint small end")
    return y


SIDE, EDGE, FLOOR = 240.0, 36.0, 190.0


def reliability_diagram(bins: Sequence[ReliabilityBin], name: str) -> Drawing:
    """How often answers of each confidence are right; bars and the size of a point say how many rows a bin holds."""
    drawing, x, y = _square(f"reliability of {name}: share right against the answer's probability")
    drawing.line(x(0), y(0), x(1), y(1), "ideal")
    most = max(found.n for found in bins) or 1
    points: list[tuple[float, float, float]] = []
    for found in bins:
        height = 26 * found.n / most
        drawing.rectangle(x(found.low) + 0.5, FLOOR - height, x(found.high) - x(found.low) - 1, height, "count")
        if found.confidence is not None and found.accuracy is not None:
            points.append((x(found.confidence), y(found.accuracy), 1.5 + 4 * math.sqrt(found.n / most)))
    drawing.path([(across, up) for across, up, _ in points], "thin best")
    for point in points:
        drawing.circle(*point, "best")
    drawing.text(x(0.5), FLOOR + 32, "probability of the answer, %", "faint small middle")
    drawing.text(2, 11, "right, %", "faint small")
    return drawing


def risk_plot(curves: Mapping[str, Sequence[tuple[float, float]]], name: str) -> Drawing:
    """The share of wrong answers among the surest ones; other methods stand behind in grey.

    Args:
        curves: method -> (coverage, risk) points.
        name: the method drawn in front.
    """
    top = max(0.1, *(risk for curve in curves.values() for coverage, risk in curve if coverage >= 0.05))
    drawing, x, y = _square(f"risk and coverage of {name}", top=round_ticks(0, top, 4)[-1])
    for other, curve in curves.items():
        if other != name:
            drawing.path(_shown(curve, x, y), "curve others")
    drawing.path(_shown(curves[name], x, y), "curve best")
    drawing.text(x(0.5), FLOOR + 32, "surest rows answered, %", "faint small middle")
    drawing.text(2, 11, "wrong, %", "faint small")
    return drawing


def _shown(curve: Sequence[tuple[float, float]], x: Callable[[float], float], y: Scale) -> list[tuple[float, float]]:
    return [(x(coverage), y(min(risk, y.high))) for coverage, risk in curve]


def _square(title: str, top: float = 1.0) -> tuple[Drawing, Scale, Scale]:
    """An empty square plot of shares: horizontally 0 to 1, vertically 0 to top."""
    drawing = Drawing(SIDE, FLOOR + 40, title)
    x, y = Scale(0, 1, EDGE, SIDE - 10), Scale(0, top, FLOOR, 18)
    for share in (0, 0.25, 0.5, 0.75, 1):
        drawing.line(x(share), y(0), x(share), y(top), "grid")
        drawing.text(x(share), FLOOR + 16, f"{100 * share:.0f}", "faint small middle")
        drawing.line(x(0), y(share * top), x(1), y(share * top), "grid")
        drawing.text(EDGE - 6, y(share * top) + 4, f"{100 * share * top:.3g}", "faint small end")
    return drawing, x, y
