"""Where the spread of scores comes from, in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from promptsci.report.console import console, plain_table, show
from promptsci.report.terminal import metric_name, percent

SOURCES = ("wording", "seed", "test rows")


def show_variance(spread: Mapping[str, Any], out: Console | None = None) -> None:
    """Prints where each method's spread comes from."""
    out = out or console()
    table = plain_table()
    table.add_column("method")
    for title in ("runs", f"{metric_name(spread['metric'])} %", *(f"sd by {source}" for source in SOURCES)):
        table.add_column(title, justify="right")
    for method in spread["methods"]:
        parts = {part["source"]: part for part in method["parts"]}
        cells = [_cell(parts.get(source)) for source in SOURCES]
        table.add_row(method["name"], str(method["runs"]), percent(method["mean"]), *cells)
    show(out, Text(f"{spread['task']}  {spread['split']}: {spread['n']:,} rows", style="bold"))
    show(out, Text("standard deviation of a single run's score, in points, and its share of the variance"), table)
    for method in spread["methods"]:
        show(out, *(Text(f"{method['name']}: {line}.") for line in method["advice"]))
    show(out, *(Text(f"Note: {note}.", style="yellow") for note in spread["notes"]))


def _cell(part: Mapping[str, Any] | None) -> str:
    if part is None:
        return "none"
    if part["sd"] is None:
        return "?"
    levels = f" of {part['levels']}" if part["freedom"] else ""
    return f"{100 * part['sd']:.1f}{levels} ({100 * part['share']:.0f} %)"
