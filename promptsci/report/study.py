"""Studies and learning curves as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from promptsci.report.console import console, plain_table, show
from promptsci.report.numbers import duration
from promptsci.report.terminal import metric_name, percent

Plain = Mapping[str, Any]


def plan_lines(plan: Plain) -> Iterator[str]:
    """The plan of a study: a line a run, and the time in all."""
    for step in plan["steps"]:
        when = "stored" if step["stored"] else f"about {duration(step['seconds'])}"
        yield f"{step['method']:24} seed {step['seed']}  {when}"
    missing = sum(not step["stored"] for step in plan["steps"])
    if missing:
        yield f"{missing} of {len(plan['steps'])} runs to make, about {duration(plan['seconds'])} on this machine"
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
    show(out, *(Text(line) for line in crossing_lines(curve)))
    show(out, *(Text(f"Warning: {note}", style="yellow") for note in curve["notes"]))


def _cell(point: Plain | None) -> str:
    return "" if point is None else f"{percent(point['value'])} [{percent(point['low'])}, {percent(point['high'])}]"


def crossing_lines(curve: Plain) -> Iterator[str]:
    """Where one method overtakes another, in sentences."""
    for crossing in curve["crossings"]:
        low, high = crossing["between"]
        yield (
            f"Below about {crossing['size']:,} labelled rows {crossing['below']} scores higher, above it "
            f"{crossing['above']} (between {low:,} and {high:,} rows, a straight line in the logarithm)."
        )
    if not curve["crossings"] and len(curve["points"]) > 1:
        yield "No method overtakes another between these sizes."
