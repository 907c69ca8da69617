"""Studies and learning curves as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from promptsci.report.console import console, plain_table, show
from promptsci.report.terminal import metric_name, percent

Plain = Mapping[str, Any]


def plan_lines(plan: Plain) -> Iterator[str]:
    """The plan of a study: a line a run, and the time in all."""
    for step in plan["steps"]:
        when = "stored" if step["stored"] else f"about {_time(step['seconds'])}"
        yield f"{step['method']:24} seed {step['seed']}  {when}"
    missing = sum(not step["stored"] for step in plan["steps"])
    if missing:
        yield f"{missing} of {len(plan['steps'])} runs to make, about {_time(plan['seconds'])} on this machine"
    else:
        yield f"all {len(plan['steps'])} runs are there"


def outcome_line(step: Plain, folder: Any, why: str | None) -> str:
    """What became of one run."""
    name = f"{step['method']} seed {step['seed']}"
    return f"{name}: done, {folder.path}" if folder else f"{name}: {why}"


def show_advice(study: Plain, out: Console | None = None) -> None:
    """Prints what a study says to do, and what of it could not be made."""
    out = out or console()
    for sentence in study["advice"]:
        show(out, Text(sentence, style="bold" if sentence is study["advice"][0] else ""))
    for run in study["runs"]:
        if run["why"]:
            show(out, Text(f"Warning: {run['method']} seed {run['seed']}: {run['why']}", style="yellow"))
    if not study["comparison"]:
        show(out, *(Text(f"Stored in {run['run_dir']}") for run in study["runs"] if run["run_dir"]))


def show_curve(curve: Plain, out: Console | None = None) -> None:
    """Prints learning curves as a table: a line a method, a column a size."""
    out = out or console()
    sizes = sorted({point["size"] for points in curve["points"].values() for point in points})
    table = plain_table()
    table.add_column(f"{metric_name(curve['metric'])} % [range]")
    for size in sizes:
        table.add_column(f"{size:,} rows", justify="right")
    for method, points in curve["points"].items():
        by_size = {point["size"]: point for point in points}
        table.add_row(method, *(_cell(by_size.get(size)) for size in sizes))
    show(out, Text(f"{curve['task']}  learning curves", style="bold"), table)
    show(out, *(Text(line) for line in _crossing_lines(curve)))
    show(out, *(Text(f"Warning: {note}", style="yellow") for note in curve["notes"]))


def _cell(point: Plain | None) -> str:
    return "" if point is None else f"{percent(point['value'])} [{percent(point['low'])}, {percent(point['high'])}]"


def _crossing_lines(curve: Plain) -> Iterator[str]:
    for crossing in curve["crossings"]:
        low, high = crossing["between"]
        yield (
            f"Below about {crossing['size']:,} labelled rows {crossing['below']} scores higher, above it "
            f"{crossing['above']} (between {low:,} and {high:,} rows, a straight line in the logarithm)."
        )
    if not curve["crossings"] and len(curve["points"]) > 1:
        yield "No method overtakes another between these sizes."


WIDTH, HEIGHT, LEFT, BOTTOM, RIGHT, TOP = 640, 360, 56, 44, 150, 16
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


def curve_figure(curve: Plain) -> str:
    """Learning curves as SVG: size on a logarithmic axis, bands over seeds (over rows where there is one seed)."""
    from html import escape
    from math import log

    sizes = sorted({point["size"] for points in curve["points"].values() for point in points})
    low, high = log(sizes[0]), log(sizes[-1])
    span = (high - low) or 1.0

    def x(size: float) -> float:
        return LEFT + (log(size) - low) / span * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (1 - value) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Learning curves of {escape(curve["task"])}" font-family="sans-serif" font-size="12">'
    ]
    for tick in range(0, 101, 20):
        at = y(tick / 100)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#ccc"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{tick}</text>')
    for size in sizes:
        parts.append(f'<text x="{x(size):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{size:,}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">labelled rows</text>')
    for number, (method, points) in enumerate(curve["points"].items()):
        colour = COLOURS[number % len(COLOURS)]
        parts += _line(points, colour, x, y)
        parts.append(
            f'<text x="{WIDTH - RIGHT + 8}" y="{TOP + 14 + 18 * number}" fill="{colour}">{escape(method)}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])


def _line(points: Sequence[Plain], colour: str, x: Any, y: Any) -> list[str]:
    """A band, a line and dots."""
    upper = [f"{x(point['size']):.1f} {y(point['high']):.1f}" for point in points]
    lower = [f"{x(point['size']):.1f} {y(point['low']):.1f}" for point in reversed(points)]
    line = [f"{x(point['size']):.1f} {y(point['value']):.1f}" for point in points]
    dots = [
        f'<circle cx="{x(point["size"]):.1f}" cy="{y(point["value"]):.1f}" r="3" fill="{colour}"/>' for point in points
    ]
    return [
        f'<path d="M{"L".join([*upper, *lower])}Z" fill="{colour}" fill-opacity="0.15"/>',
        f'<path d="M{"L".join(line)}" fill="none" stroke="{colour}" stroke-width="2"/>',
        *dots,
    ]


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
