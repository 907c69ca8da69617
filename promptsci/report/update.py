"""What an update came to, in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from promptsci.report.console import console, show
from promptsci.report.numbers import score
from promptsci.report.terminal import metric_name

Plain = Mapping[str, Any]


def show_update(result: Plain, out: Console | None = None) -> None:
    """Prints which weights are in use after an update, and why."""
    out = out or console()
    show(out, Text(f"{result['task']}  {result['method']}  update", style="bold"))
    show(out, *(Text(line) for line in _rows(result)))
    show(out, *(Text(line) for line in harm_lines(result["harm"])))
    if result["promoted"]:
        show(out, Text(f"Promoted: {result['name']} is in use now", style="bold"))
    else:
        show(out, Text(f"Kept: the old weights stay in use; {result['name']} did harm", style="bold yellow"))
    show(out, *(Text(f"Note: {note}", style="yellow") for note in result["notes"]))
    show(out, Text(f"In use: adapter={result['current']}"), Text(f"Stored in {result['update_dir']}"))


def _rows(result: Plain) -> Iterator[str]:
    kept = ", ".join(f"{n} of {task}" for task, n in result["kept"].items())
    yield f"{result['rows']['rows']:,} new rows of {result['rows']['origin']} with {kept or 'no'} old ones"
    for why, n in result["rows"]["left_out"].items():
        if n:
            yield f"{n} new rows {why}: left out"


def harm_lines(found: Plain) -> Iterator[str]:
    """What the test says, and the rule by which it does."""
    metric = found["metric"]
    old, new = (score(found[name], metric) for name in ("old", "new"))
    change, upper, floor = (
        score(value, metric, signed=True) for value in (found["change"], found["upper"], -found["margin"])
    )
    yield f"{metric_name(metric)} on {found['n']:,} test rows: {old} before, {new} after (better by {change})"
    said = "lies below" if found["shown"] else "does not lie below"
    yield (
        f"the upper end of the one-sided {100 * (1 - found['alpha']):g} % interval of the change is {upper}: it {said} "
        f"{floor}, so harm is {'shown' if found['shown'] else 'not shown'} (paired bootstrap)"
    )
    yield f"so many rows would have shown a loss of {score(found['smallest'], metric)} in four of five cases"
