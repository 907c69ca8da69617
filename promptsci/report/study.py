"""Studies and learning curves as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from promptsci.report.console import console, plain_table, show
from promptsci.report.numbers import duration, score
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
    show(out, *(Text(line) for line in curve_lines(curve)))
    show(out, *(Text(f"Warning: {note}", style="yellow") for note in curve["notes"]))


def _cell(point: Plain | None) -> str:
    return "" if point is None else f"{percent(point['value'])} [{percent(point['low'])}, {percent(point['high'])}]"


def curve_lines(curve: Plain) -> Iterator[str]:
    """What curves say, in sentences: where one method overtakes another, and what a source saves."""
    yield from crossing_lines(curve)
    for worth in curve.get("savings", ()):
        yield from saving_lines(worth, curve["metric"])


def saving_lines(worth: Plain, metric: str) -> Iterator[str]:
    """How many labels a source saves, and by what evidence; or that none are shown to be saved."""
    shown = [one for one in worth["sizes"] if one["shown"]]
    for one in shown:
        change, low, high = (score(one[end], metric, signed=True) for end in ("change", "low", "high"))
        evidence = f"{change} [{low}, {high}], p {one['p_holm']:.2g}, paired, Holm over {len(worth['sizes'])} sizes"
        if one["needed"] is None:
            saved = (
                f"{worth['method']} from nothing is nowhere as good up to {one['most']:,}: more than {one['labels']:,}"
            )
        else:
            saved = f"{worth['method']} from nothing is as good with about {one['needed']:,}: {one['labels']:,}"
        yield (
            f"With {one['size']:,} labels {worth['source']} scores {score(one['value'], metric)} ({evidence}); "
            f"{saved} labels saved."
        )
    if not shown:
        sizes = ", ".join(f"{one['size']:,}" for one in worth["sizes"])
        yield (
            f"No label is shown to be saved by {worth['source']}: at none of {sizes} labels is it shown to be better "
            f"than {worth['method']} from nothing (paired randomisation, Holm)."
        )


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
